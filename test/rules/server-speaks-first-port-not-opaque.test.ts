import t from 'tap'
import { fixtures, judgeFixture, loadFixture } from './fixture.ts'

const id = 'server-speaks-first-port-not-opaque'
const list = 'config.linkerd.io/opaque-ports'

// What a person reads first: the fixture, and how its findings begin.
const texts: readonly (readonly [fixture: string, ...starts: string[]])[] = [
  [
    'nats-b-nothing-declared',
    'port 4222 (NATS) is not opaque: set appProtocol: linkerd.io/opaque on the port, or ' +
      `${list}: "25,587,3306,4444,5432,6379,9300,11211,4222". The server speaks first here, and each connection`,
  ],
  [
    'nats-g-old-linkerd',
    // appProtocol means nothing to it.
    `port 4222 (NATS) is not opaque: set ${list}: "25,`,
    `container port 4222 (NATS) is not opaque: set ${list}: "4222" on the Pod template. The server speaks first: meshed clients of any Service wait 10 s, those outside`,
  ],
  [
    'nats-e-headless',
    `container port 4222 (NATS) is not opaque: set ${list}: "4222" on the Pod template. The server speaks first: meshed clients that dial the Pod itself (headless, Pod DNS) wait 10 s, those outside`,
  ],
  [
    'headless-skip-inbound',
    // Nobody is closed: the server's proxy does not see them.
    `container port 4222 (NATS) is not opaque: set ${list}: "4222" on the Pod template. The server speaks first: meshed clients that dial the Pod itself (headless, Pod DNS) wait 10 s`,
  ],
  [
    'unreadable-list',
    `port 4222 (NATS) is not opaque: set appProtocol: linkerd.io/opaque on the port, or ${list} to numbers only, 4222 among them (`,
  ],
  [
    'external-name',
    'port 4222 (NATS) leads outside the cluster, where meshed clients wait 10 s: add it to config.linkerd.io/skip-outbound-ports ',
  ],
]

t.test('it says first what to type', async (t) => {
  const all = fixtures().filter(({ rule }) => rule === id)
  for (const [name, ...starts] of texts) {
    const fixture = all.find((one) => one.name === name)
    if (!fixture) throw new Error(`no fixture ${name}`)
    const findings = judgeFixture(fixture, loadFixture(fixture))
    t.same(
      findings.map(({ text }, i) => text.slice(0, starts[i]?.length)),
      starts,
      name,
    )
    if (name === 'headless-skip-inbound') t.notMatch(findings[0]?.text, /outside the mesh/)
  }
})

// Error where mesh and software are known, warning where one may be mistaken or nobody hit, information where the mesh is.
const severities: readonly (readonly [fixture: string, ...severities: string[]])[] = [
  ['nats-b-nothing-declared', 'error'],
  ['nats-c-transparent-mode', 'error'],
  ['nats-e-headless', 'error'],
  ['nats-f-unmeshed-server-not-declared', 'info'],
  ['nats-g-old-linkerd', 'error', 'error'],
  ['nats-h-pod-annotation-only', 'error'],
  ['named-in-service-annotation', 'error'],
  ['number-alone', 'warning'],
  ['mesh-unknown', 'info'],
  ['no-service', 'warning'],
  ['external-name', 'info'],
  ['unmeshed-server-headless', 'info'],
]

t.test('it is as grave as it is sure', async (t) => {
  const all = fixtures().filter(({ rule }) => rule === id)
  for (const [name, ...expected] of severities) {
    const fixture = all.find((one) => one.name === name)
    if (!fixture) throw new Error(`no fixture ${name}`)
    const findings = judgeFixture(fixture, loadFixture(fixture))
    t.same(
      findings.map(({ severity }) => severity),
      expected,
      name,
    )
  }
})
