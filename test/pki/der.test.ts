import t from 'tap'
import { derReader, isShortestInteger, oidText, smallInteger, timeOf } from '../../src/pki/der.ts'

const element = (hex: string) => derReader(Buffer.from(hex, 'hex')).any('element')

t.test('it reads DER and nothing that is only BER', async (t) => {
  t.equal(element('0403010203').content.length, 3)
  t.equal(element(`048180${'00'.repeat(128)}`).content.length, 128)
  for (const [what, hex] of [
    ['nothing', ''],
    ['a tag alone', '04'],
    ['more than there is', '040501'],
    ['a length of unknown size', '0480010000'],
    ['a long length for a short one', `04817f${'00'.repeat(127)}`],
    ['a length with a leading zero', `04820080${'00'.repeat(128)}`],
    ['a length of five bytes', '04850000000001ff'],
    ['a tag of more than one byte', '1f810100'],
  ] as const)
    t.throws(() => element(hex), what)
})

t.test('it reads object identifiers', async (t) => {
  t.equal(oidText(element('0603551d11')), '2.5.29.17')
  t.equal(oidText(element('06092a864886f70d01010b')), '1.2.840.113549.1.1.11')
  t.equal(oidText(element('0603883703')), '2.999.3')
  for (const hex of ['0600', '060255ff', '06025580', '0603558001']) t.throws(() => oidText(element(hex)), hex)
})

t.test('it reads integers in their shortest spelling', async (t) => {
  t.equal(smallInteger(element('020100')), 0)
  t.equal(smallInteger(element('0201ff')), -1)
  t.equal(smallInteger(element('02020100')), 256)
  t.equal(smallInteger(element('02020080')), 128)
  t.throws(() => smallInteger(element('02020001')))
  t.throws(() => smallInteger(element('0200')))
  t.notOk(isShortestInteger(Buffer.from('ff80', 'hex')))
})

t.test('it reads times', async (t) => {
  const time = (tag: string, text: string) =>
    timeOf(element(`${tag}${text.length.toString(16).padStart(2, '0')}${Buffer.from(text).toString('hex')}`))
  t.equal(time('17', '491231235959Z'), Date.parse('2049-12-31T23:59:59Z'))
  t.equal(time('17', '500101000000Z'), Date.parse('1950-01-01T00:00:00Z'))
  t.equal(time('18', '99991231235959Z'), Date.parse('9999-12-31T23:59:59Z'))
  t.equal(time('18', '20240229000000Z'), Date.parse('2024-02-29T00:00:00Z'))
  for (const [tag, text] of [
    ['17', '4912312359Z'],
    ['17', '260230000000Z'],
    ['17', '261301000000Z'],
    ['17', '260101240000Z'],
    ['17', '260101000060Z'],
    ['17', '260101000000+0100'],
    ['18', '20260101000000.5Z'],
    ['13', '260101000000Z'],
  ] as const)
    t.throws(() => time(tag, text), text)
})
