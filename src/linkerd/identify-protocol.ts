import { own } from '../k8s/json.ts'
import type { Container } from '../k8s/kinds.ts'
import type { Labels } from '../k8s/selector.ts'
import { catalogue, type Protocol } from './catalogue.ts'

/** What a port very likely speaks, and how we know: by the image, by several hints, or by its number alone. */
export interface Identified {
  readonly protocol: Protocol
  readonly by: 'image' | 'hints' | 'number'
}

/** What is known of a port. */
export interface PortSigns {
  readonly number: number
  readonly name: string | undefined
  /** The container that serves it, where it is known. */
  readonly container?: Container
  readonly labels?: Labels
}

/**
 * The server-first protocol of a port, or undefined. One strong sign suffices: the image of its very container. Otherwise
 * two weaker ones: a usual number and a usual name, an environment variable, a label. A number that many use is never
 * enough by itself. A name that says HTTP, gRPC, metrics or TLS settles that it is none: with TLS the client speaks first.
 */
export function identifyProtocol(signs: PortSigns): Identified | undefined {
  if (saysOtherwise(signs.name)) return undefined
  const scored = catalogue
    .map((protocol) => ({ protocol, by: signsOf(protocol, signs) }))
    .filter((one) => one.by !== undefined)
    .toSorted((a, b) => strengths.indexOf(a.by ?? 'number') - strengths.indexOf(b.by ?? 'number'))
  const [best] = scored
  return best?.by ? { protocol: best.protocol, by: best.by } : undefined
}

const strengths: readonly Identified['by'][] = ['image', 'hints', 'number']

function signsOf(protocol: Protocol, { number, name, container, labels }: PortSigns): Identified['by'] | undefined {
  const usualNumber = protocol.ports.includes(number)
  const usualName = name !== undefined && protocol.portNames.includes(name)
  if (!usualNumber && !usualName) return undefined
  const image = imageName(container?.image)
  if (image !== undefined && protocol.images.some((pattern) => matches(pattern, image))) return 'image'
  const app = own(labels, 'app.kubernetes.io/name')
  const hints = [
    usualNumber,
    usualName,
    (container?.env ?? []).some((variable) =>
      (protocol.env ?? []).some((pattern) => matches(pattern, variable?.name ?? '')),
    ),
    typeof app === 'string' && (protocol.apps ?? []).includes(app),
  ]
  // A name such as `client` or `query` says nothing without one of the software's own numbers.
  if (usualNumber && hints.filter(Boolean).length >= 2) return 'hints'
  // A container of other software settles that its number is a coincidence.
  const strange =
    image !== undefined && catalogue.some((other) => other.images.some((pattern) => matches(pattern, image)))
  return !strange && (protocol.numberAlone ?? []).includes(number) ? 'number' : undefined
}

/** Words in a port's name that rule a plain server-first protocol out. */
function saysOtherwise(name: string | undefined): boolean {
  return /(?:^|-)(?:https?\d?|grpc|h2c|web|ui|metrics|monitor|monitoring|exporter|prometheus|tls|ssl|smtps|imaps|pop3s|ftps|mysqlx|proxy-protocol)(?:-|$)/.test(
    name ?? '',
  )
}

/** `nats` of `registry:5000/library/nats:2.10@sha256:…`. */
function imageName(image: string | null | undefined): string | undefined {
  return /([^/:@]+)(?::[^/@]*)?(?:@[^/]*)?$/.exec(image ?? '')?.[1]
}

function matches(pattern: string, text: string): boolean {
  if (!pattern.includes('*')) return pattern === text
  const parts = pattern.split('*')
  const [head = '', ...rest] = parts
  const tail = rest.pop() ?? ''
  if (!text.startsWith(head) || !text.endsWith(tail) || text.length < head.length + tail.length) return false
  let at = head.length
  for (const part of rest) {
    const found = text.indexOf(part, at)
    if (found < 0 || found + part.length > text.length - tail.length) return false
    at = found + part.length
  }
  return true
}
