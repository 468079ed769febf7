import type { Path } from '../k8s/json.ts'
import type { Box } from './box.ts'
import type { PortSet } from './port-set.ts'

/*
 * The one form into which every dialect of network policy is translated. Nothing after the translation knows the dialect.
 * TCP only: Linkerd proxies nothing else.
 */

export type Direction = 'ingress' | 'egress'

/** Prefixes of the keys in a peer's box: labels of the Pod, labels of its Namespace. */
export const podKey = 'pod/'
export const namespaceKey = 'ns/'

/** The label every Namespace has, set by the API server to its name. */
export const namespaceNameLabel = 'kubernetes.io/metadata.name'

/** Who is at the other end. */
export type Peer =
  /** Pods: a box over `pod/` and `ns/` labels. Everybody, inside and outside, is the empty box with `outside`. */
  | { readonly as: 'pods'; readonly box: Box; readonly outside: boolean; readonly path: Path }
  /** Addresses. Whether they also match Pods depends on the network plugin. */
  | { readonly as: 'addresses'; readonly cidr: string; readonly except: readonly string[]; readonly path: Path }
  /** A value that is not known yet (`${VAR}`). */
  | { readonly as: 'unknown'; readonly path: Path }

/** TCP ports: numbers, and names that each destination Pod resolves for itself. */
export interface Ports {
  readonly numbers: PortSet
  readonly names: readonly string[]
  /** Some port is not known yet (`${VAR}`). */
  readonly unknown: boolean
}

/** One element of a rule's port list, and what it grants. */
export interface PortEntry {
  readonly ports: Ports
  readonly path: Path
}

/** One rule that allows: these peers on these ports. */
export interface AllowRule {
  readonly index: number
  readonly path: Path
  readonly peers: readonly Peer[]
  /** Empty for a rule without a port list, which grants every port. */
  readonly entries: readonly PortEntry[]
  readonly ports: Ports
}

export interface Policy {
  readonly namespace: string
  readonly name: string
  /** Which Pods of the namespace it is about: a box over `pod/` labels. */
  readonly subject: Box
  /** Whom it is about hangs on a value that is not known yet (`${VAR}`); the subject is as written. */
  readonly unknownSubject: boolean
  readonly directions: Readonly<Record<Direction, { readonly isolates: boolean; readonly rules: readonly AllowRule[] }>>
}
