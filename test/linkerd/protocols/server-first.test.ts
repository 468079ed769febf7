import t from 'tap'
import { isSure, type Outcome, outcomeOf, type Situation } from '../../../src/linkerd/protocols/server-first.ts'

type Reached = Situation['reachedBy']
type Severity = 'error' | 'warning' | undefined

const either = [true, false]
const anyhow: readonly Reached[] = ['address', 'service', 'unknown']

// The table in the comment of `outcomeOf`: for each column the values that a row stands for.
const table: readonly (readonly [
  meshed: boolean,
  reachedBy: readonly Reached[],
  dialled: readonly boolean[],
  inbound: readonly boolean[],
  transparent: readonly boolean[],
  outcome: Outcome,
  severity: Severity,
])[] = [
  [true, ['address'], [false], either, either, 'dialling-clients-wait', 'error'],
  [true, ['service'], [false], [false], [true], 'all-clients-wait', 'error'],
  [true, ['unknown'], [false], [false], [true], 'all-clients-wait', 'error'],
  [true, ['unknown'], [false], [false], [false], 'dialling-clients-wait', 'warning'],
  [true, ['service'], [false], [false], [false], 'unmeshed-clients-dropped', 'warning'],
  [true, anyhow, [true], [false], either, 'unmeshed-clients-dropped', 'warning'],
  [true, ['service', 'unknown'], [false], [true], either, 'fine', undefined],
  [true, anyhow, [true], [true], either, 'fine', undefined],
  [false, ['address'], [false], either, either, 'dialling-clients-wait', 'error'],
  [false, ['address'], [true], either, either, 'fine', undefined],
  [false, ['service', 'unknown'], either, either, either, 'fine', undefined],
]

t.test('it decides as the table says, in every situation there is', async (t) => {
  for (const serverMeshed of either)
    for (const reachedBy of anyhow)
      for (const dialled of either)
        for (const inbound of either)
          for (const transparent of either) {
            const situation = { serverMeshed, reachedBy, dialled, inbound, transparent }
            const rows = table.filter(
              ([meshed, reached, dials, inbounds, modes]) =>
                meshed === serverMeshed &&
                reached.includes(reachedBy) &&
                dials.includes(dialled) &&
                inbounds.includes(inbound) &&
                modes.includes(transparent),
            )
            const what = JSON.stringify(situation)
            t.equal(rows.length, 1, `one row is about ${what}`)
            const [row] = rows
            const outcome = outcomeOf(situation)
            t.equal(outcome, row?.[5], what)
            if (outcome !== 'fine') t.equal(isSure(outcome, situation) ? 'error' : 'warning', row?.[6], what)
          }
})
