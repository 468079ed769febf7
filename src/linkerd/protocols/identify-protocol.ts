import { own } from '../../k8s/json.ts'
import type { Labels } from '../../k8s/selector.ts'
import type { Container } from '../../k8s/spec-shapes.ts'
import type { LinkerdSettings } from '../settings.ts'
import { catalogue, clientFirstImages } from './catalogue.ts'
import type { Protocol } from './protocol.ts'
import { anyMatches, imageMatches } from './word-patterns.ts'

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
 * The protocol of a port as the catalogue knows it, or undefined; what configuration adds counts before it. One strong sign suffices: the image of its very container,
 * on one of its ports or under one of its names. Otherwise two weaker ones: a usual number, a usual name, an environment
 * variable or argument, a label; one of them must be the number, or a name that nobody else uses. A number that many use is
 * never enough by itself. A name that says HTTP, gRPC, metrics or TLS settles that it is none: with TLS the client speaks
 * first, unless the protocol greets before TLS. Of equal signs those for a more delicate class win.
 *
 *   | image | number | own name | vague name | variable, argument or label | known by          |
 *   |-------|--------|----------|------------|-----------------------------|-------------------|
 *   | yes   | at least one of these           | any                         | image             |
 *   | yes   | no     | no       | no         | any                         | nothing           |
 *   | of a client-first one | any     | any | any                         | nothing           |
 *   | no    | yes    | at least one of these                              | hints             |
 *   | no    | no     | yes      | any        | yes                         | hints             |
 *   | no    | no     | no       | yes        | any                         | nothing           |
 *   | no    | no     | yes      | any        | no                          | nothing           |
 *   | no    | yes    | no       | no         | no                          | number, if unique |
 */
export function identifyProtocol(
  signs: PortSigns,
  { protocols: added }: Pick<LinkerdSettings, 'protocols'>,
): Identified | undefined {
  if (!mayBeKnown(signs, added) || saysOtherwise(signs.name)) return undefined
  const all = added.length === 0 ? catalogue : [...added, ...catalogue]
  const [best] = all
    .flatMap((protocol) => {
      const by = signsOf(protocol, signs, added)
      return by === undefined ? [] : [{ protocol, by }]
    })
    .toSorted((a, b) => strengths.indexOf(a.by) - strengths.indexOf(b.by))
  return best
}

const usualNumbers = new Set(catalogue.flatMap(({ ports }) => ports))
const usualNames = new Set(catalogue.flatMap(({ portNames, vagueNames = [] }) => [...portNames, ...vagueNames]))

/** Without a usual number or name no other sign counts: most ports are done with here. */
function mayBeKnown({ number, name }: PortSigns, added: readonly Protocol[]): boolean {
  return added.length > 0 || usualNumbers.has(number) || (name !== undefined && usualNames.has(name))
}

const strengths: readonly Identified['by'][] = ['image', 'hints', 'number']

function signsOf(
  protocol: Protocol,
  { number, name, container, labels }: PortSigns,
  added: readonly Protocol[],
): Identified['by'] | undefined {
  const afterTls = protocol.class === 'client-first' || protocol.class === 'implicit-tls' || protocol.greetsBeforeTls
  if (saysTls(name) && !afterTls) return undefined
  const usualNumber = protocol.ports.includes(number)
  const ownName = name !== undefined && protocol.portNames.includes(name)
  const vagueName = name !== undefined && protocol.vagueNames?.includes(name) === true
  if (!usualNumber && !ownName && !vagueName) return undefined
  const image = container?.image ?? undefined
  if (imageMatches(protocol.images, image)) return 'image'
  if (protocol.class === 'server-first' && isClientFirst(image, added)) return undefined
  const others =
    anyMatches(
      protocol.env,
      container?.env?.map((variable) => variable?.name),
    ) ||
    anyMatches(protocol.args, [...(container?.command ?? []), ...(container?.args ?? [])]) ||
    anyMatches(protocol.apps, [own(labels, 'app.kubernetes.io/name')])
  if (usualNumber ? ownName || vagueName || others : ownName && others) return 'hints'
  // A container or a name of other software settles that its number is a coincidence.
  if (!protocol.numberAlone?.includes(number)) return undefined
  const other =
    anyMatches(clientFirstImages, [name]) || [...added, ...catalogue].some(({ images }) => imageMatches(images, image))
  return other ? undefined : 'number'
}

/** Is this the image of software whose server never speaks first? */
function isClientFirst(image: string | undefined, added: readonly Protocol[]): boolean {
  const others = added.filter((protocol) => protocol.class !== 'server-first')
  return imageMatches(clientFirstImages, image) || others.some(({ images }) => imageMatches(images, image))
}

/** Words in a port's name that rule a plain server-first protocol out, and the PROXY protocol, where the client begins. */
function saysOtherwise(name = ''): boolean {
  return (
    /(?:^|-)(?:https?\d?|grpc|h2c|web|ui|metrics|monitor|monitoring|exporter|prometheus|proxy-protocol)(?:-|$)/.test(
      name,
    ) || /^(?:smtps?|subs?|submissions?|imaps?|pop3?s?|lmtp|sieve)-(?:proxy|haproxy)$/.test(name)
  )
}

function saysTls(name = ''): boolean {
  return /(?:^|-)(?:tls|ssl|smtps|submissions|imaps|pop3s|ftps)(?:-|$)/.test(name)
}
