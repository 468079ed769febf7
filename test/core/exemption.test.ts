import t from 'tap'
import {
  type Exemption,
  endingSoon,
  exemptionOf,
  nameExemption,
  phaseOf,
  unusedAmong,
} from '../../src/core/exemption.ts'
import type { Finding } from '../../src/core/finding.ts'
import { resourceOf } from './resource-of.ts'

const found = (namespace: string, name: string, rule = 'r'): Finding => ({
  rule,
  message: 'm',
  text: 't',
  severity: 'error',
  confidence: 'high',
  subject: resourceOf({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace } }, 'Service'),
  path: [],
})

const exemption = (part: Partial<Exemption> = {}): Exemption => ({ rule: 'r', reason: 'x', ...part })
const until = (text: string, part: Partial<Exemption> = {}): Exemption =>
  exemption({ expires: { text, at: Date.parse(text) }, ...part })
const at = (text: string) => Date.parse(text)

t.test('it holds until its end, and says so for 14 days', async (t) => {
  const end = until('2027-02-01T00:00:00Z')
  const table = [
    ['2026-01-01T00:00:00Z', 'holds'],
    ['2027-01-17T23:59:59.999Z', 'holds'],
    ['2027-01-18T00:00:00Z', 'ends soon'],
    ['2027-01-31T23:59:59.999Z', 'ends soon'],
    ['2027-02-01T00:00:00Z', 'expired'],
    ['2030-01-01T00:00:00Z', 'expired'],
  ] as const
  for (const [now, phase] of table) t.equal(phaseOf(end, at(now)), phase, now)
  t.equal(phaseOf(exemption(), at('2999-01-01')), 'holds')
})

t.test('it concerns what its rule, namespace and name mean', async (t) => {
  const table = [
    [{}, true],
    [{ rule: 'other' }, false],
    [{ namespace: 'shop' }, true],
    [{ namespace: 's*' }, true],
    [{ namespace: 'web' }, false],
    [{ name: 'api-*' }, true],
    [{ name: 'api' }, false],
    [{ namespace: 'shop', name: 'api-1' }, true],
    [{ namespace: 'web', name: 'api-1' }, false],
  ] as const
  for (const [part, concerned] of table)
    t.equal(exemptionOf(found('shop', 'api-1'), [exemption(part)], 0) !== undefined, concerned, JSON.stringify(part))
  const namespace = resourceOf({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } }, 'Namespace')
  const ofNamespace = { ...found('shop', 'x'), subject: namespace }
  t.ok(exemptionOf(ofNamespace, [exemption({ namespace: 'shop' })], 0), 'a Namespace is in itself')
})

t.test('it takes the first that holds, else the one that expired last', async (t) => {
  const now = at('2027-01-15')
  const early = until('2026-01-01')
  const late = until('2026-12-01')
  const soon = until('2027-01-20')
  const finding = found('shop', 'a')
  t.equal(exemptionOf(finding, [], now), undefined)
  t.same(exemptionOf(finding, [early, late], now), { exemption: late, phase: 'expired' })
  t.same(exemptionOf(finding, [late, early], now), { exemption: late, phase: 'expired' })
  t.same(exemptionOf(finding, [early, soon, exemption()], now), { exemption: soon, phase: 'ends soon' })
})

t.test('it tells once of each that was needed and ends soon, with its owner', async (t) => {
  const now = at('2027-01-15')
  const soon = until('2027-01-20', { owner: 'team-a', namespace: 'shop', name: 'api-*' })
  const nobodys = until('2027-01-21', { namespace: 'shop' })
  const exempted = [soon, soon, nobodys, exemption()].map((one) => ({
    finding: found('shop', 'api-1'),
    exemption: one,
  }))
  t.same(endingSoon(exempted, now), [
    'exemption ends on 2027-01-20 (owner team-a): r for shop/api-*',
    'exemption ends on 2027-01-21: r for namespace shop',
  ])
  t.same(endingSoon(exempted, at('2026-06-01')), [])
})

t.test('it names each, and finds those that nothing needs', async (t) => {
  t.equal(nameExemption(exemption()), 'r everywhere')
  t.equal(nameExemption(exemption({ name: 'a' })), 'r for */a')
  const needed = exemption({ namespace: 'shop' })
  const gone = exemption({ namespace: 'web' })
  t.same(unusedAmong([needed, gone], [found('shop', 'a')]), [gone])
})
