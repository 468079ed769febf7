import t from 'tap'
import { portsByGo, portsByRust } from '../../../src/linkerd/port-list.ts'
import { dropsList, type TokenKind, tokensOf } from '../../../src/linkerd/protocols/list-tokens.ts'

const named = (name: string) => (name === 'web' ? [9000] : name === '' ? [4222] : [])

// The table in the comment of `TokenKind`.
const tokens: readonly (readonly [value: string, ...kinds: TokenKind[]])[] = [
  [''],
  ['9000', 'plain'],
  ['+9000', 'plain'],
  ['09000', 'plain'],
  ['9000-9010', 'loose'],
  ['9000-9000', 'loose'],
  [' 9000,8080', 'loose', 'plain'],
  ['9000\n', 'loose'],
  ['9000,', 'plain', 'loose'],
  ['9000, ', 'plain', 'empty'],
  [',9000', 'empty', 'plain'],
  ['9000,,8080', 'plain', 'empty', 'plain'],
  [' ', 'empty'],
  ['9000 - 9010', 'spaced-range'],
  ['web,8080', 'name', 'plain'],
  [' web ', 'name'],
  ['0', 'zero'],
  ['0-65535', 'zero'],
  ...[
    'nosuch',
    '70000',
    '9010-9000',
    '9000;8080',
    '9000 8080',
    '9000-',
    '-9000',
    '*',
    '9000/tcp',
    '0x2328',
    '&#43;1',
  ].map((value) => [value, 'nonsense'] as const),
]

t.test('it says of each token what becomes of it', async (t) => {
  for (const [value, ...kinds] of tokens)
    t.same(
      tokensOf(value, named).map(({ kind }) => kind),
      kinds,
      JSON.stringify(value),
    )
  t.same(tokensOf(',9000')[0]?.kind, 'loose', 'where no port is unnamed, nothing means nothing')
})

t.test('it agrees with the parsers about who reads what', async (t) => {
  const byDestination = new Set(['plain', 'loose', 'empty', 'name', 'zero'])
  for (const [value] of tokens)
    for (const token of tokensOf(value, named).filter(({ text }) => text !== '')) {
      t.equal(portsByGo(token.text, named).length > 0, byDestination.has(token.kind), `destination: ${token.text}`)
      t.equal(portsByRust(`${token.text},7`).length === 0, dropsList(token), `policy controller: ${token.text}`)
    }
})
