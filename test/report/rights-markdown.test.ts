import t from 'tap'
import { rightsOf } from '../../src/admission/rights.ts'
import { nameOf, rightsMarkdown } from '../../src/report/rights-markdown.ts'
import { rules } from '../../src/rules/index.ts'

const rights = rightsOf(rules)
const rows = rightsMarkdown(rights)
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => line.split('|').map((cell) => cell.trim()))

t.test('it has every right in one row', async (t) => {
  const named = rows.flatMap(([, names = '']) => names.split(', ').map((name) => name.replaceAll('`', '')))
  t.same(named.toSorted(), rights.map(nameOf).toSorted())
})

t.test('it says of each which rules look at it', async (t) => {
  const all = [...new Set(rights.flatMap((right) => right.rules))].toSorted()
  for (const [, names = '', links = ''] of rows) {
    const linked = [...links.matchAll(/\[([a-z0-9-]+)\]/g)].map(([, id]) => id ?? '')
    const told = links.startsWith('all but ') ? all.filter((id) => !linked.includes(id)) : linked
    for (const right of rights.filter((one) => names.includes(`\`${nameOf(one)}\``)))
      t.same(told.toSorted(), [...right.rules].toSorted(), nameOf(right))
  }
})
