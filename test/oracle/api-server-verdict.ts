import type { InjectedFault, PortClash } from '../../src/linkerd/injection/injected-faults.ts'
import type { Injection } from '../../src/linkerd/injection/predict-injection.ts'

/*
 * What the API server said of a Pod after injection, reduced to the containers that were added: the rest is the Pod's own
 * business. Both sides end as sorted lines such as `linkerd-proxy.ports[0].containerPort: Required value`.
 */

/** Our faults, as lines. */
export function ourVerdict(faults: readonly InjectedFault[], clashes: readonly PortClash[], injection: Injection) {
  // The API server warns of clashes in Pods whose fields are sound.
  const arrived = injection.outcome === 'injected' && faults.length === 0
  return {
    faults: injection.outcome === 'malformed' ? ['nameless'] : faults.map(lineOf).toSorted(),
    clashes: arrived ? clashes.map(({ container, as }) => `${as} ${container.container.name}`).toSorted() : [],
  }
}

function lineOf({ container, field, detail }: InjectedFault): string {
  if (field.endsWith('.name')) return `${container}: ${detail}`
  return `${container}.${field}: ${detail}`
}

/** The API server's answer, as the same lines. */
export function recordedVerdict({ answer, pod }: Record<string, any>) {
  const { apiServer, outcome } = answer
  const containers: { name: string }[] = [...(pod.spec.containers ?? []), ...(pod.spec.initContainers ?? [])]
  const own = new Set(containers.map(({ name }) => name))
  const nothing = { faults: [], clashes: [] }
  if (outcome === 'malformed') return { faults: apiServer.accepted ? [] : ['nameless'], clashes: [] }
  if (outcome !== 'injected') return nothing
  const message: string = apiServer.message ?? ''
  const faults = message.includes('violates PodSecurity')
    ? podSecurity(message).filter((line) => !own.has(line.replace(/\..*$/s, '')))
    : fields(message, answer)
  return {
    faults: faults.toSorted(),
    clashes: (faults.length > 0 ? [] : (apiServer.warnings ?? []))
      .flatMap((one: string) => clash(one, answer))
      .toSorted(),
  }
}

function nameAt(answer: Record<string, any>, list: string, index: string): string {
  return answer[list]?.[Number(index)] ?? ''
}

/** `Pod "x" is invalid: [spec.initContainers[1].ports[0]…: …, spec.…]` */
function fields(message: string, answer: Record<string, any>): string[] {
  return message
    .replace(/^.*? is invalid: /, '')
    .replace(/^\[(.*)\]$/, '$1')
    .split(/, (?=spec\.|metadata\.)/)
    .flatMap((line) => {
      const [, list = '', index = '', field = '', detail = ''] = /^spec\.(\w+)\[(\d+)\]\.(\S+): (.*)$/.exec(line) ?? []
      const container = nameAt(answer, list, index)
      if (!container.startsWith('linkerd-')) return line.startsWith('metadata.labels') ? [line] : []
      if (field === 'name') return [`${container}: Duplicate value`]
      return [`${container}.${field}: ${detail.replace(/( limit) of \S+$/, '$1')}`]
    })
}

const checks: readonly (readonly [pattern: RegExp, line: string])[] = [
  [
    /containers? ([^();]*?) must not include "NET_ADMIN", "NET_RAW"/,
    'capabilities.add: must not include "NET_ADMIN", "NET_RAW"',
  ],
  [
    /containers? ([^();]*?) must set securityContext\.capabilities\.drop/,
    'capabilities.drop: must set securityContext.capabilities.drop=["ALL"]',
  ],
  [
    /containers? ([^();]*?) must set securityContext\.allowPrivilegeEscalation=false/,
    'allowPrivilegeEscalation: must set it to false',
  ],
  [/containers? ([^();]*?) must not set (?:securityContext\.)?runAsUser=0/, 'runAsUser: must not set runAsUser=0'],
]

function podSecurity(message: string): string[] {
  return checks.flatMap(([pattern, line]) =>
    [...(pattern.exec(message)?.[1] ?? '').matchAll(/"([^"]+)"/g)]
      .map(([, name = '']) => name)
      .filter((name) => name.startsWith('linkerd-'))
      .map((name) => `${name}.${line}`),
  )
}

function clash(warning: string, answer: Record<string, any>): string[] {
  const [, sort = ''] = / duplicate port (definition|name) /.exec(warning) ?? []
  if (sort === '') return []
  const names = [...warning.matchAll(/spec\.(\w+)\[(\d+)\]\.ports/g)].map(([, list = '', i = '']) =>
    nameAt(answer, list, i),
  )
  const other = names.find((name) => name !== 'linkerd-proxy')
  return names.includes('linkerd-proxy') && other !== undefined
    ? [`${sort === 'definition' ? 'number' : 'name'} ${other}`]
    : []
}
