import { plainText } from '../core/plain-text.ts'
import { describe } from '../k8s/resource.ts'
import type { Experience, Traffic } from '../linkerd/protocols/connection.ts'
import type { PortFact } from '../linkerd/protocols/port-facts.ts'
import type { PathStory, PortStory, ServerStory } from '../linkerd/protocols/port-story.ts'

/** Where something is written. */
export type PlaceOf = (place: PortFact['place']) => { readonly file: string; readonly line: number } | undefined

/** For people: who knows what, from which line, and what connections experience by each way. */
export function formatStoryText(story: PortStory, placeOf: PlaceOf): string {
  const { service, port, client, servers, paths } = story
  const lines = [`${describe(service)}, port ${port}`, '']
  const tell = (title: string, facts: readonly PortFact[]) => {
    lines.push(title)
    for (const { text, place } of facts) {
      const found = placeOf(place)
      lines.push(`  ${found ? `${found.file}:${found.line}` : '(nowhere written)'}  ${text}`)
    }
    lines.push('')
  }
  if (client.length > 0) tell('Clients in the mesh know of the Service', client)
  for (const server of servers) {
    tell(`${describe(server.pod)}, port ${server.port}${softwareInWords(server)}`, server.facts)
    if (service.spec.clusterIP === 'None')
      lines.push('P1  by the Service: it is headless, so that its name leads to the Pods: P2')
    lines.push(...server.paths.flatMap((path) => pathInWords(path, server)))
    lines.push('P4  to a name outside the cluster: this Service leads to Pods', '')
  }
  if (paths.length > 0) lines.push(...paths.flatMap((path) => pathInWords(path, undefined)), '')
  if (servers.length === 0 && paths.length === 0)
    lines.push('No Pod of this Service is in the input: what happens at the server is not known.', '')
  lines.push('Derived: it follows from the source of Linkerd, but was not seen on real proxies.')
  return lines.map((line) => `${plainText(line)}\n`).join('')
}

function softwareInWords({ identified }: ServerStory): string {
  if (!identified) return ''
  const { protocol, by } = identified
  const who = protocol.class === 'server-first' ? ', where the server speaks first' : ''
  return ` (${protocol.name}, by ${by}${who})`
}

const trafficInWords: Readonly<Record<Traffic, string>> = {
  'server-first': 'the server speaks first',
  http: 'HTTP, gRPC',
  tls: 'TLS of the application',
  bytes: 'other clients that speak first',
}

/** One line for what is known to be sent there; else one for each kind of traffic, equal ones together. */
function pathInWords({ path, who, experiences }: PathStory, server: ServerStory | undefined): string[] {
  const isServerFirst = server?.identified?.protocol.class === 'server-first'
  if (isServerFirst) {
    const only = experiences.find(({ traffic }) => traffic === 'server-first')
    return only ? [`${path}  ${who}: ${experienceInWords(only.experience)}`] : []
  }
  const byWords = new Map<string, string[]>()
  for (const { traffic, experience } of experiences) {
    const words = experienceInWords(experience)
    byWords.set(words, [...(byWords.get(words) ?? []), trafficInWords[traffic]])
  }
  const [first, ...more] = byWords
  if (first && more.length === 0) return [`${path}  ${who}: ${first[0]}`]
  return [`${path}  ${who}:`, ...[...byWords].map(([words, traffics]) => `      ${traffics.join('; ')}: ${words}`)]
}

/** In the words of what was seen; what was not is marked. */
export function experienceInWords({ outcome, seconds, observed, later }: Experience): string {
  const after = seconds > 0 ? `after ${seconds} s` : 'at once'
  const words: Readonly<Record<Experience['outcome'], string>> = {
    works: seconds > 0 ? `waits ${seconds} s, then works` : 'works at once',
    closed: seconds > 0 ? `closed ${after} without a byte` : 'closed at once',
    denied: 'denied by the proxy beside the server, whatever is authorized',
    'needs-authorization': 'denied, unless an AuthorizationPolicy allows it',
    panics: "broken: the client's proxy panics (initial policy must be opaque), and the client sees RST or FIN",
    'not-found': 'HTTP 404: no route found',
    hangs: 'hangs: a proxy waits for a request that does not come',
    fails: 'fails: a proxy takes the bytes for something else',
  }
  const now = `${words[outcome]}${observed ? '' : ' (derived)'}`
  if (!later) return now
  return `${now}; comes and goes: after some idle seconds it ${thirdPerson(later)}, and after a change or restart it starts anew`
}

function thirdPerson(later: Experience): string {
  const words = experienceInWords(later)
  return /^(?:works|waits|hangs|fails)/.test(words) ? words : `is ${words}`
}

/** The same for programs. */
export function formatStoryJson(story: PortStory, placeOf: PlaceOf): string {
  const factOf = ({ text, place }: PortFact) => ({ text, ...placeOf(place) })
  const { service, port, outbound, client, servers, paths } = story
  const told = {
    service: `${service.namespace}/${service.name}`,
    port,
    outbound: { kind: outbound.kind, because: outbound.because, profileOpaque: outbound.profile },
    client: client.map(factOf),
    servers: servers.map((server) => ({
      pod: describe(server.pod),
      port: server.port,
      protocol: server.identified
        ? { name: server.identified.protocol.name, class: server.identified.protocol.class, by: server.identified.by }
        : null,
      facts: server.facts.map(factOf),
      paths: server.paths,
    })),
    paths,
  }
  return `${JSON.stringify(told, null, 2)}\n`
}
