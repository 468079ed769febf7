import t from 'tap'
import { snapshotOf } from '../../src/core/snapshot.ts'
import { viewOf } from '../../src/core/view.ts'
import type { Resource } from '../../src/k8s/resource.ts'
import { reachReads } from '../../src/linkerd/reach/reach-ends.ts'
import { reachabilityOf } from '../../src/linkerd/reach/reachability.ts'
import { defaultSettings } from '../../src/linkerd/settings.ts'
import type { ReachReport } from '../../src/report/reach.ts'
import { formatReachHtml } from '../../src/report/reach-html.ts'
import { formatReachJson } from '../../src/report/reach-json.ts'
import { formatReachMermaid } from '../../src/report/reach-mermaid.ts'
import { formatReachTable } from '../../src/report/reach-table.ts'
import { rules } from '../../src/rules/index.ts'
import { namespace, pod, policy } from '../linkerd/world.ts'

function reportOn(resources: readonly Resource[], file = 'deploy/a.yaml'): ReachReport {
  const view = viewOf(snapshotOf(resources, 'input'), reachReads, defaultSettings, 'declared')
  const reach = reachabilityOf(view, { from: () => true, to: () => true, namespace: () => true, every: false })
  const placeOf: ReachReport['placeOf'] = (_, path) => ({ file, line: 1 + path.length, column: 1 })
  return { reach, links: reach.links, placeOf, failures: [] }
}

const html = (report: ReachReport) =>
  formatReachHtml(report, { rules, linkTo: (file) => `./${encodeURIComponent(file)}` })
const table = (report: ReachReport) => formatReachTable(report, (_, text) => text)

const app = (name: string) => ({ matchLabels: { app: name } })
const client = (name: string) => pod(name, { labels: { app: 'web' } })
const world = (...names: readonly string[]) => [
  namespace('a', 'enabled'),
  ...names.map(client),
  pod('api', { labels: { app: 'api' } }),
  policy('only-8080', {
    podSelector: app('api'),
    ingress: [{ from: [{ podSelector: app('web') }], ports: [{ port: 8080 }] }],
  }),
]

t.test('its table tells of each link, with what breaks it below', async (t) => {
  t.equal(
    table(reportOn(world('web'))),
    `FROM       TO         PORTS  MESH PORT    VERDICT
Pod a/web  Pod a/api  8080   4143 closed  ✖ broken
    deploy/a.yaml:6:1  network-policy-omits-proxy-port  NetworkPolicy a/only-8080 lets 8080 in, and leaves out 4143
✖ 2 workloads, 1 policy, 2 pairs: 1 broken, 1 that no policy restricts
`,
  )
  t.equal(table(reportOn([])), '✔ 0 workloads, 0 policies, no pairs\n')
})

t.test('its JSON form is exactly the interface', async (t) => {
  t.same(JSON.parse(formatReachJson(reportOn(world('web')))), {
    version: 1,
    links: [
      {
        from: ['Pod a/web'],
        to: ['Pod a/api'],
        verdict: 'broken',
        certain: true,
        ports: [[8080, 8080]],
        meshPort: { port: 4143, open: false },
        causes: [
          {
            rule: 'network-policy-omits-proxy-port',
            direction: 'ingress',
            policy: 'NetworkPolicy a/only-8080',
            path: ['spec', 'ingress', 0, 'ports', 0],
            file: 'deploy/a.yaml',
            line: 6,
            column: 1,
          },
        ],
      },
    ],
    workloads: ['api', 'web'].map((name) => ({
      name: `Pod a/${name}`,
      namespace: 'a',
      meshed: 'yes',
      file: 'deploy/a.yaml',
      line: 1,
    })),
    summary: {
      workloads: 2,
      policies: 1,
      pairs: { broken: 1, 'mesh-only': 0, open: 0, unserved: 0, closed: 0, unrestricted: 1, skipped: 0 },
    },
    hostNetwork: [],
    doubts: [],
    failures: [],
  })
})

t.test('its Mermaid form is a flowchart whose broken links stand out', async (t) => {
  t.equal(
    formatReachMermaid(reportOn(world('web'))),
    `flowchart LR
  subgraph n0["a"]
    w0["Pod a/web"]
    w1["Pod a/api"]
  end
  w0 ==>|"✖ 8080, 4143 closed"| w1
  linkStyle 0 stroke:#d1242f,stroke-width:3px,color:#d1242f
  %% deploy/a.yaml:6 network-policy-omits-proxy-port: NetworkPolicy a/only-8080 lets 8080 in, and leaves out 4143
  %% 2 workloads, 1 policy, 2 pairs: 1 broken, 1 that no policy restricts
`,
  )
})

t.test('its page stands for itself, and leads from the picture to the line', async (t) => {
  const page = html(reportOn(world('web')))
  t.match(page, /^<!doctype html>\n<html lang="en">/)
  t.match(page, `content="default-src 'none'; style-src 'unsafe-inline'"`)
  t.notMatch(page, /<script|<link|<img|<iframe|@import|url\(|src=|https?:/)
  t.match(page, '<a href="#broken-1">')
  t.match(page, '<div class="card" id="broken-1">')
  t.match(page, '<a href="./deploy%2Fa.yaml#L6">')
  t.match(page, '<a href="#rule-network-policy-omits-proxy-port">')
  t.match(page, '<div id="rule-network-policy-omits-proxy-port">')
  t.match(page, 'prefers-color-scheme:dark')
  t.match(html(reportOn([])), 'There is nothing to draw')
})

const hostile = [
  `"><script>alert(1)</script>`,
  `</title></svg><img src=x onerror=alert(1)>`,
  '`\n```\n<b>',
  '"]\n  click w0 href "javascript:alert(1)"\n  x["',
  '%%{init: {"securityLevel": "loose"}}%%',
  '\u001B[31m\u202Ered',
  "' onload='alert(1)",
]

t.test('hostile names stay text in every format', async (t) => {
  const report = reportOn(
    hostile.flatMap((name) =>
      world('web').map((one) => ({ ...one, name: one.kind === 'Namespace' ? one.name : `${one.name}${name}` })),
    ),
    `javascript:${hostile.join('')}`,
  )
  t.ok(report.links.length >= 1)
  const page = html(report)
  const tags = new Set([...page.matchAll(/<\/?([a-z!][a-z0-9]*)/gi)].map(([, tag]) => tag))
  t.notOk(['script', 'img', 'b'].some((tag) => tags.has(tag)))
  t.notMatch(page, /<[^>]* on\w+=/)
  t.notMatch(page, /href="(?![.#])/)
  const mermaid = formatReachMermaid(report)
  for (const line of mermaid.split('\n'))
    t.match(
      line,
      /^$|^flowchart LR$|^ {2}(?:subgraph n\d+\["[^"]*"\]|end|w\d+ ==>\|"[^"]*"\| w\d+|linkStyle .*|%% [^{}`]*)$|^ {4}w\d+\["[^"]*"\]$/u,
    )
  for (const text of [page, mermaid, table(report)]) t.notMatch(text, /[\u001B\u202E]/)
  t.equal(JSON.parse(formatReachJson(report)).version, 1)
})

t.test('a large input stays readable, and what is left out is said', async (t) => {
  const names = Array.from({ length: 700 }, (_, i) => `w${i}`)
  const many = [
    namespace('a', 'enabled'),
    ...names.flatMap((name, i) => [
      pod(name, { labels: { app: name } }),
      policy(name, {
        podSelector: app(name),
        ingress: [{ from: [{ podSelector: app(`w${(i + 1) % 700}`) }], ports: [{ port: 8080 }] }],
      }),
    ]),
  ]
  const report = reportOn(many)
  t.equal(report.links.length, 700)
  t.match(table(report), '200 more rows; --format json has all of them')
  t.match(formatReachMermaid(report), '%% 600 more links are not drawn')
  const page = html(report)
  t.match(page, '640 links are not drawn')
  t.match(page, '500 broken links are not told of one by one')
  t.equal(JSON.parse(formatReachJson(report)).links.length, 700)
  const group = reportOn(world(...names))
  t.equal(group.links.length, 1, 'who is alike is one')
  t.match(table(group), 'Pod a/w0, Pod a/w1, Pod a/w10 and 697 more')
})
