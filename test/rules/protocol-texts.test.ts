import t from 'tap'
import { fixtures, judgeFixture, loadFixture } from './fixture.ts'

/* How the findings of the rules about port lists read, and how grave they are: the fixtures say only where they are. */

const list = 'config.linkerd.io/opaque-ports'

const texts: readonly (readonly [fixture: string, ...findings: (readonly [severity: string, starts: string])[]])[] = [
  [
    'opaque-ports-unreadable/meaning-is-certain',
    ['error', `"web" makes the policy controller drop the whole list: set ${list}: "9000,8080". It reads`],
    ['error', `"0" makes the policy controller drop the whole list: set ${list}: "9000". It reads`],
    [
      'error',
      `"9000 - 9010" is a range for one half of Linkerd only, because of its spaces: set ${list}: "9000-9010". `,
    ],
    ['error', `"nosuch" makes the policy controller drop the whole list: set ${list} to numbers only. It reads`],
    ['info', `" 8080" works, but linkerd check --proxy cannot read it and fails: set ${list}: "3306,8080"`],
  ],
  [
    'opaque-ports-unreadable/empty-token-and-unnamed-port',
    ['warning', `nothing between two commas is the name of the unnamed port 3306: set ${list}: "9042,9160". `],
    ['warning', `nothing between two commas is the name of the unnamed port 3306: set ${list}: "9042". `],
    ['info', 'an empty token works, but linkerd check --proxy cannot read it'],
    ['info', 'an empty token works, but linkerd check --proxy cannot read it'],
  ],
  [
    'opaque-ports-unreadable/mesh-unknown',
    ['warning', `"0" makes the policy controller drop the whole list: set ${list}: "9000". It reads`],
  ],
  [
    'opaque-ports-unreadable/on-a-namespace',
    ['error', `"mysql" makes the policy controller drop the whole list: set ${list} to numbers only. `],
    ['error', "the value spoils the injector's patch: remove what is no plain list of numbers. "],
    ['warning', "the value spoils the injector's patch: remove what is no plain list of numbers. "],
    [
      'error',
      `Services and Pods without a proxy get "&#43;9000" for "+9000", which nobody reads: set ${list}: "9000". `,
    ],
    ['error', '"9000 - 9010" is a range for one half of Linkerd only'],
  ],
  [
    'opaque-ports-names-target-port/several',
    ['error', `"web" is opaque at first only: set ${list}: "7000,80,70". Destination knows the name`],
    [
      'warning',
      `7000 is the target of port 70, and clients of the Service know the port alone: set ${list}: "7000,80,70". `,
    ],
  ],
  [
    'opaque-ports-names-target-port/target-name',
    ['error', `"bus" is the name of a target, which nobody looks for on a Service: set ${list}: "70". `],
  ],
  ['opaque-ports-names-target-port/mesh-unknown', ['warning', '"bus" is opaque at first only: set ']],
  [
    'opaque-ports-without-effect/on-a-deployment',
    [
      'warning',
      `nobody looks for ${list} on a Deployment itself: set it to "3306,9000" in the annotations of its Pod template. `,
    ],
  ],
  ['opaque-ports-without-effect/external-name', ['warning', `nobody looks for ${list} on an ExternalName Service: `]],
  [
    'opaque-ports-without-effect/headless',
    ['info', `nobody looks for ${list} on a headless Service: list the container`],
  ],
  [
    'skip-ports-drop-defaults/metrics-port-added',
    [
      'warning',
      'the proxy takes 4567 and 4568 of Galera: set config.linkerd.io/skip-inbound-ports: "9104,4567,4568". ',
    ],
  ],
  [
    'skip-ports-drop-defaults/unreadable-list',
    ['warning', 'the proxy takes 4567 and 4568 of Galera: set config.linkerd.io/skip-inbound-ports to plain numbers, '],
  ],
  ['skip-ports-drop-defaults/mesh-unknown', ['info', 'the proxy takes 4567 and 4568 of Galera: ']],
  [
    'detect-timeout-disabled/inbound',
    [
      'warning',
      `clients outside the mesh hang for good on port 4222 (NATS): list it in ${list} of the Pod template. The`,
    ],
  ],
  [
    'detect-timeout-disabled/server-that-detects',
    [
      'warning',
      'clients outside the mesh hang for good on port 4222 (NATS): set proxyProtocol: opaque in Server nats. The',
    ],
  ],
  [
    'detect-timeout-disabled/outbound',
    ['warning', 'connections to port 4222 (NATS) of Service shop/bus hang for good: '],
  ],
  ['detect-timeout-disabled/mesh-unknown', ['info', 'clients outside the mesh hang for good on port 4222 (NATS): ']],
  [
    'app-protocol-without-effect/headless-tcp',
    ['info', `appProtocol tcp has no effect on a headless Service: list container port 4222 in ${list} of the Pod`],
  ],
  [
    'app-protocol-without-effect/before-2.18',
    [
      'info',
      `appProtocol Linkerd.io/Opaque has no effect before Linkerd 2.18, and this is 2.17: list port 4222 in ${list}`,
    ],
  ],
  [
    'http-port-opaque-by-default/beside-a-database',
    [
      'warning',
      `port 6379 speaks HTTP (by its name) and is opaque by default: set ${list}: "5432". Meshed clients send`,
    ],
    [
      'warning',
      `container port 6379 speaks HTTP (by its name) and is opaque by default: set ${list}: "5432" on the Pod template. `,
    ],
  ],
  [
    'http-port-opaque-by-default/selenium-hub',
    ['warning', `port 4444 speaks HTTP (by its image) and is opaque by default: set ${list}: "". `],
    [
      'warning',
      `container port 4444 speaks HTTP (by its image) and is opaque by default: set ${list}: "" on the Pod template. `,
    ],
  ],
  [
    'http-port-opaque-by-default/mesh-unknown',
    ['info', 'port 9300 speaks HTTP (by its name) and is opaque by default: '],
  ],
]

t.test('it says first what to type, and is as grave as it is sure', async (t) => {
  const all = fixtures()
  for (const [name, ...expected] of texts) {
    const fixture = all.find(({ rule, name: own }) => `${rule}/${own}` === name)
    if (!fixture) throw new Error(`no fixture ${name}`)
    t.same(
      judgeFixture(fixture, loadFixture(fixture)).map(({ severity, text }, i) => [
        severity,
        text.slice(0, expected[i]?.[1].length),
      ]),
      expected,
      name,
    )
  }
})
