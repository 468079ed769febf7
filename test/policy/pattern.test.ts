import t from 'tap'
import { type Demands, isPossible, patternKey, patternOf } from '../../src/policy/pattern.ts'

t.test('it finds the term that it was made of', async (t) => {
  t.same(patternOf(patternKey('pod/app', 'starts with', 'web')), {
    key: 'pod/app',
    pattern: { operator: 'starts with', text: 'web' },
  })
  t.equal(patternOf('pod/app'), undefined)
})

t.test('it knows which terms can hold together', async (t) => {
  const must = (...terms: (readonly [Demands['must'][number]['operator'], string])[]) =>
    terms.map(([operator, text]) => ({ operator, text }))
  const any = { listed: new Set<string>(), except: true, absent: true, must: [], mustNot: [] }
  const table: readonly (readonly [Demands, boolean, string])[] = [
    [any, true, 'no terms'],
    [{ ...any, must: must(['starts with', 'web'], ['starts with', 'we']) }, true, 'one start within another'],
    [{ ...any, must: must(['starts with', 'a'], ['starts with', 'b']) }, false, 'two starts'],
    [
      { ...any, must: must(['starts with', 'a'], ['ends with', 'b'], ['contains', 'c']) },
      true,
      'a start, an end, a part',
    ],
    [
      { ...any, must: must(['starts with', 'ab']), mustNot: must(['starts with', 'a']) },
      false,
      'a start and not its start',
    ],
    [{ ...any, must: must(['starts with', 'ab']), mustNot: must(['ends with', 'b']) }, true, 'a start and not its end'],
    [{ ...any, must: must(['contains', 'abc']), mustNot: must(['contains', 'b']) }, false, 'a part and not its part'],
    [{ ...any, mustNot: must(['contains', '']) }, true, 'nothing contains the empty text but what is there'],
    [{ ...any, absent: false, mustNot: must(['contains', '']) }, false, 'and it is there'],
    [{ ...any, listed: new Set(['xy']), except: false, must: must(['ends with', 'y']) }, true, 'a listed value'],
    [{ ...any, listed: new Set(['xy']), except: false, must: must(['ends with', 'x']) }, false, 'no listed value'],
    [{ ...any, listed: new Set(['a']), must: must(['contains', 'a']) }, true, 'all but one value'],
  ]
  for (const [demands, expected, name] of table) t.equal(isPossible(demands), expected, name)
})
