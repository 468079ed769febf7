import t from 'tap'
import {
  type Authority,
  type Held,
  type Leaf,
  type LiveConfiguration,
  type Lives,
  leafToServe,
  nextStep,
  nothingHeld,
} from '../../src/pki/authority-plan.ts'

const lives: Lives = { authorityMs: 1000, leafMs: 100, overlapMs: 10 }
const nowMs = 10_000

const authority = (id: string, fromMs = nowMs - 300): Authority => ({
  id,
  pem: id,
  notBeforeMs: fromMs,
  notAfterMs: fromMs + lives.authorityMs,
})
const leaf = (issuer: string, id = `leaf of ${issuer}`, fromMs = nowMs - 20): Leaf => ({
  id,
  cert: id,
  key: id,
  issuer,
  notBeforeMs: fromMs,
  notAfterMs: fromMs + lives.leafMs,
})
const [old, a, b] = [authority('old'), authority('a'), authority('b')]

/** In force for long: nothing to do. */
const good: Held = {
  ...nothingHeld,
  authorities: [a],
  signing: { id: 'a', key: 'key' },
  leaf: leaf('a'),
  published: { id: 'a', atMs: nowMs - 100 },
  signsSince: { id: 'a', atMs: nowMs - 100 },
}
const overlapping: Held = { ...good, authorities: [a, b], next: { id: 'b', key: 'key' } }
const marked = (atMs: number): Held => ({ ...overlapping, published: { id: 'b', atMs } })
const tired: Held = { ...good, authorities: [authority('a', nowMs - 700)] }
const replaced: Held = { ...good, authorities: [old, a] }

const live = (...bundles: Authority[][]): LiveConfiguration[] =>
  bundles.map((bundle, i) => ({ name: `c${i}`, entries: [bundle, bundle] }))

const table: readonly (readonly [string, Held | 'foreign' | 'absent', LiveConfiguration[] | undefined, object])[] = [
  ['foreign', 'foreign', live([a]), { do: 'nothing', why: 'foreign' }],
  ['absent, caBundles not known', 'absent', undefined, { do: 'nothing', why: 'caBundles unknown' }],
  ['absent', 'absent', live([], []), { do: 'begin', keep: [] }],
  ['absent, no configuration yet', 'absent', [], { do: 'begin', keep: [] }],
  ['absent, but others are trusted', 'absent', live([old], [old, a]), { do: 'begin', keep: [old, a] }],
  ['absent, what is trusted has ended', 'absent', live([authority('x', 0)]), { do: 'begin', keep: [] }],
  ['no key', { ...good, signing: undefined }, live([a]), { do: 'begin', keep: [a] }],
  [
    'no key, caBundles not known',
    { ...good, signing: undefined },
    undefined,
    { do: 'nothing', why: 'caBundles unknown' },
  ],
  ['no bundle', { ...good, authorities: [] }, live([a]), { do: 'begin', keep: [a] }],
  ['signer has ended', { ...good, authorities: [authority('a', nowMs - 1000)] }, live([]), { do: 'begin', keep: [] }],
  ['no leaf', { ...good, leaf: undefined }, undefined, { do: 'issue' }],
  [
    'leaf nearly over, signer new',
    { ...good, leaf: leaf('a', 'l', nowMs - 90), published: undefined },
    live([]),
    { do: 'issue' },
  ],
  ['leaf due', { ...good, leaf: leaf('a', 'l', nowMs - 67) }, undefined, { do: 'issue' }],
  ['leaf not due', { ...good, leaf: leaf('a', 'l', nowMs - 66) }, live([a]), { do: 'nothing', why: 'done' }],
  [
    'leaf due, signer not trusted yet',
    { ...good, leaf: leaf('a', 'l', nowMs - 67), published: undefined },
    live([]),
    { do: 'publish', configurations: ['c0'] },
  ],
  ['caBundles not known', good, undefined, { do: 'nothing', why: 'caBundles unknown' }],
  ['one caBundle empty', good, live([a], []), { do: 'publish', configurations: ['c1'] }],
  [
    'one entry of a configuration',
    good,
    [{ name: 'c0', entries: [[a], []] }],
    { do: 'publish', configurations: ['c0'] },
  ],
  ['a stranger in a caBundle', good, live([a, b]), { do: 'publish', configurations: ['c0'] }],
  ['in another order', overlapping, live([b, a]), { do: 'mark' }],
  ['announced', overlapping, live([a], [a]), { do: 'publish', configurations: ['c0', 'c1'] }],
  ['announced, half of it published', overlapping, live([a, b], [a]), { do: 'publish', configurations: ['c1'] }],
  ['published', overlapping, live([a, b], [a, b]), { do: 'mark' }],
  ['published, and no configuration', overlapping, [], { do: 'mark' }],
  ['marked, and lost', marked(nowMs), live([a, b], [a]), { do: 'unmark' }],
  ['marked, and a stranger came', marked(nowMs), live([a, b, old]), { do: 'publish', configurations: ['c0'] }],
  ['marked just now', marked(nowMs - 9), live([a, b]), { do: 'nothing', why: 'overlap' }],
  ['marked for the overlap', marked(nowMs - 10), live([a, b]), { do: 'hand-over' }],
  ['marked in a time to come', marked(nowMs + 11), live([a, b]), { do: 'mark' }],
  ['signing, since when is not known', { ...good, signsSince: undefined }, live([a]), { do: 'mark' }],
  ['signer due', tired, live(tired.authorities.slice()), { do: 'announce' }],
  ['signer due, not published', tired, live([]), { do: 'publish', configurations: ['c0'] }],
  ['one beside it', replaced, live([old, a]), { do: 'nothing', why: 'done' }],
  [
    'one beside it, for two lives of a leaf',
    { ...replaced, signsSince: { id: 'a', atMs: nowMs - 200 } },
    live([old, a]),
    { do: 'retire', ids: ['old'] },
  ],
  [
    'one beside it signed the leaf',
    { ...replaced, leaf: leaf('old'), signsSince: { id: 'a', atMs: nowMs - 200 } },
    live([old, a]),
    { do: 'nothing', why: 'done' },
  ],
  [
    'one beside it has ended',
    { ...good, authorities: [authority('x', 0), a] },
    live([authority('x', 0), a]),
    { do: 'retire', ids: ['x'] },
  ],
  ['retired', good, live([old, a]), { do: 'publish', configurations: ['c0'] }],
  ['all is well', good, live([a], [a]), { do: 'nothing', why: 'done' }],
]

t.test('it does the next step', async (t) => {
  for (const [what, secret, bundles, step] of table) {
    const found = typeof secret === 'string' ? { as: secret } : { as: 'ours' as const, held: secret }
    t.same(nextStep(found, bundles, nowMs, lives), step, what)
  }
})

t.test('it serves what is trusted', async (t) => {
  const fresh = leaf('a')
  const other = leaf('a', 'another of the same issuer')
  const before = leaf('old')
  const nearlyOver = leaf('old', 'l', nowMs - 90)
  const untrusted: Held = { ...replaced, published: undefined }
  const justNow: Held = { ...replaced, published: { id: 'a', atMs: nowMs - 9 } }
  const rows: readonly (readonly [
    string,
    Leaf | undefined,
    Held,
    LiveConfiguration[] | undefined,
    Leaf | undefined,
  ])[] = [
    ['no good leaf', before, { ...good, leaf: undefined }, live([a]), before],
    ['no good leaf, and never one', undefined, { ...good, leaf: undefined }, live([a]), undefined],
    ['nothing served', undefined, untrusted, undefined, fresh],
    ['served is over', leaf('old', 'l', nowMs - 100), untrusted, live([old]), fresh],
    ['served is nearly over', nearlyOver, untrusted, live([old]), nearlyOver],
    ['served is nearly over, trusted everywhere just now', nearlyOver, justNow, live([old, a]), fresh],
    ['of the same issuer', other, untrusted, live([]), fresh],
    ['served is trusted less', before, untrusted, live([a], [old, a]), fresh],
    ['served is trusted more', before, untrusted, live([old], [old, a]), before],
    ['caBundles not known', before, untrusted, undefined, before],
    ['trusted everywhere for the overlap', before, replaced, live([old, a]), fresh],
    ['trusted everywhere just now', before, justNow, live([old, a]), before],
    ['seen with the next one', before, { ...marked(nowMs - 10), authorities: [old, a, b] }, live([old, a]), fresh],
    [
      'the next one was seen, not this',
      before,
      { ...replaced, published: { id: 'b', atMs: 0 } },
      live([old, a]),
      before,
    ],
  ]
  for (const [what, served, held, bundles, expected] of rows)
    t.equal(leafToServe(served, held, bundles, nowMs, lives)?.id, expected?.id, what)
})
