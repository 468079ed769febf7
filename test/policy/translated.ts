import { type Resource, readResource } from '../../src/k8s/resource.ts'
import { formatBox } from '../../src/policy/box.ts'
import { type Direction, namespaceKey, type Peer, type Policy, podKey, type Rule } from '../../src/policy/policy.ts'
import { formatPorts } from '../../src/policy/port-set.ts'
import { type PolicyKind, policyKinds, translate } from '../../src/policy/translate.ts'

/** Reads an object of any dialect, through JSON, so that what is undefined is absent. */
export function readPolicy(wire: object): Resource<PolicyKind> {
  const read = readResource(JSON.parse(JSON.stringify(wire)))
  if (read.as !== 'resource' || !isPolicy(read.resource)) throw new Error(JSON.stringify(read))
  return read.resource
}

function isPolicy(resource: Resource): resource is Resource<PolicyKind> {
  return policyKinds.some((kind) => kind === resource.kind)
}

export function translated(...objects: readonly object[]): Policy[] {
  return objects.flatMap((object) => translate(readPolicy(object)))
}

/** A peer in words. */
export function peerText(peer: Peer): string {
  switch (peer.as) {
    case 'pods': {
      const terms = [formatBox(peer.box, podKey), formatBox(peer.box, namespaceKey)].filter((text) => text !== '')
      return `${peer.outside ? 'everybody' : 'pods'}${terms.length > 0 ? ` with ${terms.join(' in ')}` : ''}`
    }
    case 'addresses':
      return `${peer.cidr}${peer.except.length > 0 ? ` but ${peer.except.join(' ')}` : ''}${peer.pods === 'never' ? '' : ' or pods there'}`
    case 'outsiders':
      return peer.names.join(' ')
    case 'unknown':
      return '?'
  }
}

/** A rule in words: `allow 8080 http: pods with app=x`. */
export function ruleText({ action, ports, peers, entries }: Rule): string {
  const named = [formatPorts(ports.numbers), ...ports.names, ...(ports.unknown ? ['?'] : [])].filter(
    (text) => text !== '',
  )
  const filters = [...new Set(entries.flatMap((entry) => entry.filters))]
  const on = named.join(' ').replace('1-65535', 'all') || 'nothing'
  return `${action} ${on}${filters.length > 0 ? ` read by ${filters.join(' ')}` : ''}: ${peers.map(peerText).join(', ') || 'nobody'}`
}

/** What a policy says of a direction, rules in the order in which they are written. */
export function rulingText({ directions }: Policy, direction: Direction): string {
  const { isolates, rules, restrictions } = directions[direction]
  const all = [...restrictions, ...rules].sort((left, right) => left.order - right.order || left.index - right.index)
  return [...(isolates ? ['isolates'] : []), ...all.map(ruleText)].join('; ')
}
