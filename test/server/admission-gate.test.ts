import t from 'tap'
import { createGate, type Gate, mostBodyBytes } from '../../src/server/admission-gate.ts'

/** Lets so many in from a source; answers their ways out, or why not. */
const enter = (gate: Gate, count: number, bytes: number, source: string) =>
  Array.from({ length: count }, () => gate.enter(bytes, source))

t.test('it lets in as many bytes as four of the largest reviews', async (t) => {
  const gate = createGate()
  const [exit] = [...enter(gate, 2, mostBodyBytes, 'a'), ...enter(gate, 2, mostBodyBytes, 'b')]
  t.equal(gate.bytes, 64 * 1024 * 1024)
  t.equal(gate.enter(1, 'c'), 'full')
  if (typeof exit === 'function') exit()
  t.type(gate.enter(mostBodyBytes, 'c'), 'function')
  t.equal(gate.enter(1, 'c'), 'full')
})

t.test('it lets in so many requests, however small', async (t) => {
  const gate = createGate()
  const exits = [...enter(gate, 96, 0, 'a'), ...enter(gate, 96, 0, 'b')]
  t.equal(gate.enter(0, 'c'), 'full')
  t.equal(gate.requests, 192)
  for (const exit of exits) if (typeof exit === 'function') exit()
  t.equal(gate.requests, 0)
})

t.test('it leaves room for others, whatever one source sends', async (t) => {
  for (const [count, bytes] of [
    [128, 0],
    [3, mostBodyBytes],
  ] as const) {
    const gate = createGate()
    const exits = enter(gate, count, bytes, 'a')
    t.same(new Set(exits.map((exit) => typeof exit)), new Set(['function']))
    t.equal(gate.enter(1, 'a'), 'full for this source')
    t.type(gate.enter(mostBodyBytes, 'b'), 'function', 'the largest review has room')
    const [exit] = exits
    if (typeof exit === 'function') exit()
    t.type(gate.enter(bytes, 'a'), 'function', 'and the source again, when it has less under way')
  }
})

t.test('it gives room back once', async (t) => {
  const gate = createGate()
  const [first] = [gate.enter(10, 'a'), gate.enter(5, 'a')]
  if (typeof first === 'function') for (let i = 0; i < 2; i++) first()
  t.same([gate.requests, gate.bytes], [1, 5])
})
