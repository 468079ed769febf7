import fc from 'fast-check'
import t from 'tap'
import { plainText, shortText } from '../../src/core/plain-text.ts'

t.test('it leaves nothing a terminal or a header would act on', async (t) => {
  t.equal(plainText('a\r\nb\tc'), 'a b c')
  t.equal(plainText('\u001b[31mred\u0007'), '\uFFFD[31mred\uFFFD')
  t.equal(plainText('x\u202Ey\u2066z'), 'x\uFFFDy\uFFFDz')
  t.equal(plainText('lone \uD800 half, whole 😀'), 'lone \uFFFD half, whole 😀')
})

t.test('it cuts at a word and shows that it cut', async (t) => {
  t.equal(shortText('short', 10), 'short')
  t.equal(shortText('one two three', 10), 'one two…')
  t.equal(shortText('abcdefghijklmno', 10), 'abcdefghi…')
  t.equal(shortText('😀😀😀😀', 3), '😀😀…')
})

t.test('it keeps every text within the limit, on one line and valid', async () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), fc.integer({ min: 2, max: 120 }), (text, limit) => {
      const short = shortText(text, limit)
      return [...short].length <= limit && !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(short) && short.isWellFormed()
    }),
    { numRuns: 2000, seed: 1 },
  )
})
