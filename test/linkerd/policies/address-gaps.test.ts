import t from 'tap'
import { mayHoldPods } from '../../../src/linkerd/pods/pod-addresses.ts'
import { addressGaps } from '../../../src/linkerd/policies/address-gaps.ts'
import { defaultSettings } from '../../../src/linkerd/settings.ts'
import { namespace, policy, worldOf } from '../world.ts'

t.test('it knows in which addresses Pods may live', async (t) => {
  const rfc1918 = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16']
  const table: readonly (readonly [string, readonly string[], boolean])[] = [
    ['0.0.0.0/0', [], true],
    ['10.1.2.0/24', [], true],
    ['100.64.0.0/10', [], true],
    ['203.0.113.0/24', [], false],
    ['0.0.0.0/0', ['10.0.0.0/8'], true],
    // The idiom for "outside", which leaves out 100.64.0.0/10 and means it.
    ['0.0.0.0/0', rfc1918, false],
    ['0.0.0.0/0', ['10.0.0.0/9', '10.128.0.0/9', ...rfc1918.slice(1)], false],
    ['10.0.0.0/8', rfc1918, false],
    ['::/0', [], true],
    ['::/0', ['fd00::/8'], false],
    ['2001:db8::/32', [], false],
    ['fd12::/16', [], true],
    ['no address', [], false],
  ]
  for (const [cidr, except, expected] of table)
    t.equal(mayHoldPods({ cidr, except }, defaultSettings), expected, `${cidr} except ${except.join(' ')}`)
  const custom = { ...defaultSettings, clusterNetworks: ['203.0.113.0/24'] }
  t.equal(mayHoldPods({ cidr: '203.0.113.128/25', except: [] }, custom), true)
  t.equal(mayHoldPods({ cidr: '10.0.0.0/8', except: [] }, custom), false)
})

t.test('it doubts address ranges unless something settles the doubt', async (t) => {
  const anywhere = { ipBlock: { cidr: '0.0.0.0/0' } }
  const rule = (from: object[], ...ports: object[]) => ({ podSelector: {}, ingress: [{ from, ports }] })
  const port = (number: number) => ({ port: number })
  // The policy, and one beside it → is there a doubt?
  const table: readonly (readonly [string, object, object, boolean])[] = [
    ['alone', rule([anywhere], port(8080)), {}, true],
    ['the rule opens 4143', rule([anywhere], port(8080), port(4143)), {}, false],
    ['only infrastructure', rule([anywhere], port(53), port(4191)), {}, false],
    ['every port', { podSelector: {}, ingress: [{ from: [anywhere] }] }, {}, false],
    ['another opens 4143 to addresses', rule([anywhere], port(8080)), rule([anywhere], port(4143)), false],
    [
      'another opens 4143 to every Pod',
      rule([anywhere], port(8080)),
      rule([{ namespaceSelector: {} }], port(4143)),
      false,
    ],
    [
      'another opens 4143 to every meshed Pod',
      rule([anywhere], port(8080)),
      rule(
        [{ namespaceSelector: {}, podSelector: { matchLabels: { 'linkerd.io/control-plane-ns': 'linkerd' } } }],
        port(4143),
      ),
      false,
    ],
    [
      'another opens 4143 to its namespace',
      rule([anywhere], port(8080)),
      rule([{ podSelector: {} }], port(4143)),
      true,
    ],
    [
      'another opens it for other targets',
      rule([anywhere], port(8080)),
      { ...rule([anywhere], port(4143)), podSelector: { matchLabels: { app: 'x' } } },
      true,
    ],
    ['outside', rule([{ ipBlock: { cidr: '203.0.113.0/24' } }], port(8080)), {}, false],
  ]
  for (const [name, spec, beside, expected] of table) {
    const one = policy('one', spec)
    const view = worldOf([namespace('a', 'enabled'), one, policy('two', beside)])
    t.equal([...addressGaps(one, view)].length, expected ? 1 : 0, name)
  }
  const one = policy('one', rule([anywhere], port(8080)))
  t.same([...addressGaps(one, worldOf([namespace('a'), one]))], [], 'nobody there is meshed')
})
