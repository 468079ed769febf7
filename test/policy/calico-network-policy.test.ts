import t from 'tap'
import { type Resource, readResource } from '../../src/k8s/resource.ts'
import { formatBox } from '../../src/policy/box.ts'
import { calicoTiers } from '../../src/policy/calico-network-policy.ts'
import { namespaceKey, podKey } from '../../src/policy/policy.ts'
import { translate } from '../../src/policy/translate.ts'
import { readPolicy, rulingText, translated } from './translated.ts'

const own = 'kubernetes.io/metadata.name=a'

function calico(spec: object, apiVersion = 'projectcalico.org/v3'): object {
  return { apiVersion, kind: 'NetworkPolicy', metadata: { name: 'p', namespace: 'a' }, spec }
}

function global(spec: object): object {
  return { apiVersion: 'projectcalico.org/v3', kind: 'GlobalNetworkPolicy', metadata: { name: 'p' }, spec }
}

function ingressOf(rule: object, make = calico): string {
  return translated(make({ ingress: [rule] }))
    .map((policy) => rulingText(policy, 'ingress'))
    .join(' | ')
}

t.test('it reads rules as Calico does', async (t) => {
  const from = (source: object) => ({ action: 'Allow', source })
  const to = (destination: object, more: object = {}) => ({ action: 'Allow', protocol: 'TCP', destination, ...more })
  const table: readonly (readonly [object, string])[] = [
    [{ action: 'Allow' }, 'isolates; allow all: everybody'],
    [{ action: 'Deny' }, 'isolates; deny all: everybody'],
    [{ action: 'Pass' }, 'isolates; pass all: everybody'],
    [{ action: 'Log' }, 'isolates'],
    [{ action: 'Allow', protocol: 'UDP' }, 'isolates; allow nothing: everybody'],
    [{ action: 'Allow', protocol: 6 }, 'isolates; allow all: everybody'],
    [{ action: 'Allow', notProtocol: 'TCP' }, 'isolates; allow nothing: everybody'],
    [{ action: 'Allow', notProtocol: 17 }, 'isolates; allow all: everybody'],
    [to({ ports: [8080, '9000:9010', 'http'] }), 'isolates; allow 8080, 9000-9010 http: everybody'],
    [to({ ports: ['8080'] }), 'isolates; allow 8080: everybody'],
    [to({ ports: ['${PORT}'] }), 'isolates; allow ?: everybody'],
    [to({ notPorts: [4143] }), 'isolates; allow 1-4142, 4144-65535: everybody'],
    [to({ ports: ['4000:5000'], notPorts: [4143] }), 'isolates; allow 4000-4142, 4144-5000: everybody'],
    [to({ ports: ['http'], notPorts: [4143] }), 'isolates; allow ?: everybody'],
    [to({ ports: [80] }, { protocol: 'UDP' }), 'isolates; allow nothing: everybody'],
    [to({ ports: [80] }, { http: { methods: ['GET'] } }), 'isolates; allow 80 read by http: everybody'],
    [to({}, { http: { methods: ['GET'] } }), 'isolates; allow all read by http: everybody'],
    [from({ selector: "app == 'x'" }), `isolates; allow all: pods with app=x in ${own}`],
    [from({ notSelector: "app == 'x'" }), `isolates; allow all: pods with app other than x in ${own}`],
    [
      from({ selector: "app == 'x' || has(tier)" }),
      `isolates; allow all: pods with app=x in ${own}, pods with a label tier in ${own}`,
    ],
    [from({ selector: "app starts with 'x'" }), `isolates; allow all: pods with app starts with x in ${own}`],
    [
      from({ namespaceSelector: "team == 'red'" }),
      'isolates; allow all: pods with team=red and a label kubernetes.io/metadata.name',
    ],
    [
      from({ namespaceSelector: "projectcalico.org/name == 'b'" }),
      'isolates; allow all: pods with kubernetes.io/metadata.name=b',
    ],
    [from({ namespaceSelector: 'all()' }), 'isolates; allow all: pods with a label kubernetes.io/metadata.name'],
    [from({ namespaceSelector: 'global()' }), 'isolates; allow all: nobody'],
    [from({ selector: "projectcalico.org/orchestrator == 'k8s'" }), `isolates; allow all: pods with ${own}`],
    [from({ selector: "projectcalico.org/orchestrator == 'openstack'" }), 'isolates; allow all: nobody'],
    [from({ selector: "pcsa.team == 'red'" }), 'isolates; allow all: ?'],
    [from({ selector: 'app = x' }), 'isolates; allow all: ?'],
    [from({ selector: "app == '${APP}'" }), 'isolates; allow all: ?'],
    [
      from({ nets: ['10.0.0.0/8', '192.0.2.1'] }),
      'isolates; allow all: 10.0.0.0/8 or pods there, 192.0.2.1/32 or pods there',
    ],
    [
      from({ nets: ['10.0.0.0/8'], notNets: ['10.1.0.0/16'] }),
      'isolates; allow all: 10.0.0.0/8 but 10.1.0.0/16 or pods there',
    ],
    [
      from({ notNets: ['10.0.0.0/8'] }),
      'isolates; allow all: 0.0.0.0/0 but 10.0.0.0/8 or pods there, ::/0 but 10.0.0.0/8 or pods there',
    ],
    [from({ selector: 'all()', nets: ['10.0.0.0/8'] }), 'isolates; allow all: ?'],
    [from({ serviceAccounts: { names: ['x'] } }), 'isolates; allow all: ?'],
    [from({ services: { name: 's' } }), 'isolates; allow all: ?'],
    [{ action: 'Allow', protocol: 'TCP', source: { ports: [80] } }, 'isolates; allow all: ?'],
    [to({ selector: "app == 'x'", ports: [80] }), 'isolates; allow 80: ?'],
  ]
  for (const [rule, expected] of table) t.equal(ingressOf(rule), expected, JSON.stringify(rule))
  const anywhere = 'isolates; allow all: pods with app=x in a label kubernetes.io/metadata.name'
  t.equal(ingressOf(from({ selector: "app == 'x'" }), global), anywhere, 'of a policy of no namespace')
  const [policy] = translated(calico({ ingress: [from({ serviceAccounts: { names: ['x'] } })] }))
  t.match(policy?.notes, [{ as: 'approximated', path: ['spec', 'ingress', 0, 'source'] }])
})

t.test('it reads the other API group alike', async (t) => {
  const spec = { selector: 'all()', ingress: [{ action: 'Allow', protocol: 'TCP', destination: { ports: [80] } }] }
  t.same(translated(calico(spec, 'crd.projectcalico.org/v1')), translated(calico(spec)))
})

t.test('it isolates the directions that types names, or else those that it has rules for', async (t) => {
  const rule = { action: 'Allow' }
  const table: readonly (readonly [object, boolean, boolean])[] = [
    [{}, true, false],
    [{ ingress: [rule] }, true, false],
    [{ egress: [rule] }, false, true],
    [{ ingress: [rule], egress: [rule] }, true, true],
    [{ types: ['Egress'], ingress: [rule] }, false, true],
    [{ types: ['Ingress', 'Egress'] }, true, true],
  ]
  for (const [spec, ingress, egress] of table) {
    const [policy] = translated(calico(spec))
    t.same(
      [policy?.directions.ingress.isolates, policy?.directions.egress.isolates],
      [ingress, egress],
      JSON.stringify(spec),
    )
  }
})

t.test('it makes a policy of each box that its selector stands for', async (t) => {
  const subjectsOf = (object: object) =>
    translated(object).map(({ subject, unknownSubject }) => {
      const text = [formatBox(subject, podKey), formatBox(subject, namespaceKey)]
        .filter((one) => one !== '')
        .join(' in ')
      return unknownSubject ? `${text}?` : text
    })
  t.same(subjectsOf(calico({ selector: "app in {'x','y'} || !has(tier)" })), ['app in (x, y)', 'no label tier'])
  t.same(subjectsOf(calico({})), [''])
  t.same(subjectsOf(calico({ selector: "projectcalico.org/namespace == 'a'" })), [''])
  t.same(subjectsOf(calico({ selector: "projectcalico.org/namespace == 'b'" })), ['no label '])
  t.same(subjectsOf(calico({ serviceAccountSelector: "team == 'red'" })), ['?'])
  t.same(subjectsOf(global({ selector: "app == 'x'", namespaceSelector: "team == 'red'" })), [
    'app=x in team=red and a label kubernetes.io/metadata.name',
  ])
  t.same(subjectsOf(global({ preDNAT: true })), [])
  t.same(subjectsOf(global({ doNotTrack: true })), [])
  t.same(subjectsOf(global({ selector: '((' })), ['?'])
})

t.test('it stands in its tier, if that is known', async (t) => {
  const tier = (name: string, spec: object): Resource<'CalicoTier'> => {
    const read = readResource({ apiVersion: 'projectcalico.org/v3', kind: 'Tier', metadata: { name }, spec })
    if (read.as !== 'resource' || read.resource.kind !== 'CalicoTier') throw new Error(name)
    return read.resource
  }
  const tiers = calicoTiers([
    tier('security', { order: 100 }),
    tier('last', {}),
    tier('open', { order: 5, defaultAction: 'Pass' }),
  ])
  const standing = (name: string | undefined) => {
    const [policy] = translate(readPolicy(calico({ tier: name, ingress: [{ action: 'Allow' }] })), tiers)
    return [policy?.tier, policy?.directions.ingress.isolates, policy?.notes.length]
  }
  t.same(standing('security'), [100, true, 0])
  t.same(standing('last'), [Number.POSITIVE_INFINITY, true, 0])
  t.same(standing('open'), [5, false, 0], 'what it leaves open goes on to the next')
  t.same(standing('default'), [1_000_000, true, 0])
  t.same(standing(undefined), [1_000_000, true, 0])
  t.same(standing('nowhere'), [1_000_000, true, 1])
})
