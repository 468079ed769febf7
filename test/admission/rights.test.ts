import t from 'tap'
import { clusterAccess, linkerdAccess } from '../../src/admission/registration.ts'
import { accessWithout, rightsOf } from '../../src/admission/rights.ts'
import { nameOf } from '../../src/report/rights-markdown.ts'
import { rules } from '../../src/rules/index.ts'

const rights = rightsOf(rules)
const named = (name: string) => {
  const found = rights.find((right) => nameOf(right) === name)
  if (found === undefined) throw new Error(`there is no right to ${name}`)
  return found
}

t.test('it has a row for each right, with what it is for', async (t) => {
  const listed = [...clusterAccess(rules), ...linkerdAccess()].flatMap((rule) =>
    (rule.resourceNames ?? ['']).flatMap(() => rule.apiGroups.flatMap(() => rule.resources)),
  )
  t.equal(rights.length, listed.length)
  t.equal(new Set(rights.map(nameOf)).size, rights.length, 'under a name of its own')
  for (const right of rights) t.ok(right.rules.length > 0 || right.effect, nameOf(right))
  t.ok(named('networkpolicies.networking.k8s.io').rules.includes('network-policy-omits-proxy-port'))
  t.notOk(named('issuers.cert-manager.io').rules.includes('network-policy-omits-proxy-port'))
  t.same(named('tiers.projectcalico.org').rules, named('tiers.crd.projectcalico.org').rules, 'one kind in two groups')
})

t.test('it takes one right away, and no other', async (t) => {
  for (const [access, own] of [
    [clusterAccess(rules), rights.filter(({ name }) => name === undefined)],
    [linkerdAccess(), rights.filter(({ name }) => name !== undefined)],
  ] as const) {
    const count = (some: ReturnType<typeof accessWithout>) =>
      some.reduce((sum, { resources, resourceNames = [''] }) => sum + resources.length * resourceNames.length, 0)
    for (const right of own) t.equal(count(accessWithout(access, right)), count([...access]) - 1, nameOf(right))
    for (const other of rights.filter((right) => !own.includes(right)))
      t.same(accessWithout(access, other), access, `${nameOf(other)} is not among these`)
  }
})
