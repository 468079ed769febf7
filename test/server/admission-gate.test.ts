import t from 'tap'
import { createGate, mostBodyBytes } from '../../src/server/admission-gate.ts'

t.test('it lets in as many bytes as four of the largest reviews', async (t) => {
  const gate = createGate()
  const exits = [1, 2, 3, 4].map(() => gate.enter(mostBodyBytes))
  for (const exit of exits) t.type(exit, 'function')
  t.equal(gate.bytes, 64 * 1024 * 1024)
  t.equal(gate.enter(1), undefined)
  exits[0]?.()
  t.type(gate.enter(mostBodyBytes), 'function')
  t.equal(gate.enter(1), undefined)
})

t.test('it lets in so many requests, however small', async (t) => {
  const gate = createGate()
  const exits = Array.from({ length: 192 }, () => gate.enter(0))
  t.ok(exits.every((exit) => exit !== undefined))
  t.equal(gate.enter(0), undefined)
  t.equal(gate.requests, 192)
  for (const exit of exits) exit?.()
  t.equal(gate.requests, 0)
})

t.test('it gives room back once', async (t) => {
  const gate = createGate()
  const [first] = [gate.enter(10), gate.enter(5)]
  first?.()
  first?.()
  t.same([gate.requests, gate.bytes], [1, 5])
})
