import type { Path } from '../../k8s/json.ts'
import type { Resource } from '../../k8s/resource.ts'
import { contains } from '../../policy/box.ts'
import { type Policy, podKey } from '../../policy/policy.ts'
import type { PolicyKind } from '../../policy/translate.ts'
import { controlPlanePods } from '../facts.ts'
import { controlPlanesOf, isControlPlane, isNamespaceMeshed } from '../pods/meshed.ts'
import { imaginedPodIn, namespacesWithPods, type PodFacts, podsIn } from '../pods/pod-facts.ts'
import { componentPods, hasPart, rulesPath } from './control-plane-access.ts'
import { isAllowed, isApiServer, isPod, onTcp, type Question } from './policy-answer.ts'
import { formsOf, type PolicyView } from './policy-forms.ts'
import { namespaceLabelsOf, namespaceMatches } from './policy-peers.ts'
import { policiesOn } from './policy-world.ts'
import { scrapers } from './scrapers.ts'

/** Who cannot reach a component of the control plane. */
export interface ClosedComponent {
  readonly path: Path
  readonly target: string
  readonly component: string
  readonly controlPlane: string
  /** Services of its webhooks. */
  readonly webhooks: readonly string[]
  readonly ports: readonly number[]
  /** The API server; a Pod whose proxy cannot; or a Prometheus. */
  readonly by: 'api-server' | 'proxy' | 'scraper'
  /** That Pod. */
  readonly client: string
  readonly sure: boolean
}

/**
 * Where policies on the control plane keep out the API server, proxies or the Prometheus that watches it: per policy of this
 * object that has to do with it.
 */
export function* closedControlPlane(resource: Resource<PolicyKind>, view: PolicyView): Generator<ClosedComponent> {
  for (const policy of formsOf(resource, view)) {
    const { isolates, restrictions } = policy.directions.ingress
    if (policy.unknownSubject || (!isolates && restrictions.length === 0)) continue
    for (const namespace of controlPlanesOf(view)) {
      if (!isAbout(policy, namespace, view)) continue
      for (const { component, proxies, apiServer, webhooks } of controlPlanePods)
        for (const pod of componentPods(component, namespace, view)) {
          if (!contains(policy.subject, pod.labels, podKey)) continue
          const about = { policy, pod, path: rulesPath(policy, resource, 'ingress'), view }
          const target = pod.name ?? `${component} in ${namespace}`
          yield* closedTo(about, proxies, apiServer, { target, component, controlPlane: namespace, webhooks })
        }
    }
  }
}

function isAbout({ namespace, subject }: Policy, name: string, view: PolicyView): boolean {
  if (namespace !== '' && namespace !== name) return false
  return namespaceMatches(subject, name, namespaceLabelsOf(name, view)) === 'yes'
}

interface About {
  readonly policy: Policy
  readonly pod: PodFacts
  readonly path: Path
  readonly view: PolicyView
}

function* closedTo(
  { policy, pod, path, view }: About,
  proxies: readonly number[],
  apiServer: readonly number[],
  named: Pick<ClosedComponent, 'target' | 'component' | 'controlPlane' | 'webhooks'>,
): Generator<ClosedComponent> {
  const subject = { pod, text: named.target, policies: policiesOn(pod, view) }
  const closed = (ports: readonly number[], peer: Question['peer']) =>
    ports.filter((port) => {
      const question: Question = { direction: 'ingress', ports: onTcp(port, pod), peer }
      return isAllowed(subject.policies, question) === 'no' && hasPart(policy, subject, question)
    })
  const ports = closed(apiServer, isApiServer(false))
  if (ports.length > 0) {
    const sure = closed(apiServer, isApiServer(true)).length > 0
    yield { path, ...named, ports, by: 'api-server', client: '', sure }
  }
  yield* closedToScraper(pod, closed, { path, ...named }, view)
  if (proxies.length === 0) return
  for (const client of meshedClients(view)) {
    const found = closed(proxies, isPod(client, view))
    if (found.length === 0) continue
    const text = client.name ?? `namespace ${client.namespace}`
    yield { path, ...named, ports: found, by: 'proxy', client: text, sure: client.meshed === 'yes' }
    return
  }
}

/**
 * A Prometheus reads the component's own metrics, meshed as it is through its proxy's port, and the proxy's on the admin port
 * (viz/charts/linkerd-viz/templates/prometheus.yaml, jobs linkerd-controller and linkerd-proxy).
 */
function* closedToScraper(
  pod: PodFacts,
  closed: (ports: readonly number[], peer: Question['peer']) => readonly number[],
  named: Pick<ClosedComponent, 'path' | 'target' | 'component' | 'controlPlane' | 'webhooks'>,
  view: PolicyView,
): Generator<ClosedComponent> {
  for (const client of scrapers(view)) {
    const asked = client.meshed === 'yes' ? [pod.inboundPort, view.settings.adminPort] : [view.settings.adminPort]
    const ports = closed(asked, isPod(client, view))
    if (ports.length === 0) continue
    yield { ...named, ports, by: 'scraper', client: client.name ?? '', sure: false }
    return
  }
}

/** One of the meshed Pods of each namespace, or one as it would be. */
function* meshedClients(view: PolicyView): Generator<PodFacts> {
  for (const name of new Set([...view.namespacesWith('Namespace'), ...namespacesWithPods(view)])) {
    const client = meshedClientIn(name, view)
    if (client) yield client
  }
}

/** The Pod that stands for the meshed ones of a namespace, which need the control plane; undefined where there are none. */
export function meshedClientIn(name: string, view: PolicyView): PodFacts | undefined {
  if (isControlPlane(name, view)) return undefined
  const known = podsIn(name, view).find((pod) => pod.meshed === 'yes' && !pod.hostNetwork)
  return known ?? (isNamespaceMeshed(name, view) === 'yes' ? imaginedPodIn(name, 'yes', view) : undefined)
}
