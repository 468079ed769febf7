import type { Path } from '../k8s/json.ts'
import { type Box, emptyBox } from './box.ts'
import type { PortSet } from './port-set.ts'

/*
 * The one form into which every dialect of network policy is translated. Nothing after the translation knows the dialect.
 * Ports are TCP's, for Linkerd proxies nothing else; those of UDP are held beside them, for the sake of DNS.
 */

export type Direction = 'ingress' | 'egress'

/** Prefixes of the keys in a peer's box: labels of the Pod, labels of its Namespace. */
export const podKey = 'pod/'
export const namespaceKey = 'ns/'

/** No Pod at all. */
export const nobody: Box = emptyBox(podKey)

/** The label every Namespace has, set by the API server to its name. */
export const namespaceNameLabel = 'kubernetes.io/metadata.name'

/** Who is at the other end. */
export type Peer =
  /** Pods: a box over `pod/` and `ns/` labels. Everybody, inside and outside, is the empty box with `outside`. */
  | { readonly as: 'pods'; readonly box: Box; readonly outside: boolean; readonly path: Path }
  /** Addresses. They may also match Pods by their addresses, if the network plugin does so; `never` says that none does. */
  | {
      readonly as: 'addresses'
      readonly cidr: string
      readonly except: readonly string[]
      readonly pods: 'maybe' | 'never'
      readonly path: Path
    }
  /** Who is neither a Pod nor an address that the policy names: `host`, `kube-apiserver`, `world`, names of the DNS. */
  | { readonly as: 'outsiders'; readonly names: readonly string[]; readonly path: Path }
  /** Some or none of them all: what decides is not known (`${VAR}`), or not held here ({@link Note}). */
  | { readonly as: 'unknown'; readonly path: Path }

/** TCP ports: numbers, and names that each destination Pod resolves for itself. */
export interface Ports {
  readonly numbers: PortSet
  readonly names: readonly string[]
  /** Some port is not known (`${VAR}`), or not held here ({@link Note}). */
  readonly unknown: boolean
  /** UDP ports; without it, none. Where they are named or not known, every port that may be meant. */
  readonly udp?: PortSet
}

/** One element of a rule's port list, and what it grants. */
export interface PortEntry {
  readonly ports: Ports
  readonly path: Path
  /** What reads the traffic on these ports on its way (`http`, `terminatingTLS`), and so must understand it. */
  readonly filters: readonly string[]
}

/** What a rule does with a connection: `pass` leaves it to the tiers behind this one. */
export type Action = 'allow' | 'deny' | 'pass'

/** One rule: what becomes of connections with these peers on these ports. */
export interface Rule {
  readonly action: Action
  readonly index: number
  readonly path: Path
  readonly peers: readonly Peer[]
  /** Empty for a rule without a port list; {@link ports} says what that means. */
  readonly entries: readonly PortEntry[]
  readonly ports: Ports
  /** Rules of a tier are asked from the lowest order to the highest, then by the policies' names and their own index. */
  readonly order: number
}

/** One rule that allows. */
export type AllowRule = Rule & { readonly action: 'allow' }

/** What a policy says of one direction. */
export interface Ruling {
  /** What no rule of the tier decides is denied to the Pods that the policy selects. */
  readonly isolates: boolean
  readonly rules: readonly AllowRule[]
  /** Rules that deny or pass on, so that rules behind them do not get to decide. */
  readonly restrictions: readonly Rule[]
}

/**
 * What a policy says and this form does not hold exactly. `refused`: the API server or the network plugin takes the
 * whole object for invalid, so it says nothing here. `approximated`: peers, ports or subject are `unknown` there, or
 * the order is a guess.
 */
export interface Note {
  readonly as: 'refused' | 'approximated'
  readonly path: Path
  /** For people: `serviceAccounts decide whom it is about`. */
  readonly reason: string
}

export interface Policy {
  /** Empty for one that is about Pods of any namespace. */
  readonly namespace: string
  readonly name: string
  /** Which Pods it is about: a box over `pod/` labels, and `ns/` labels where it is not about one namespace. */
  readonly subject: Box
  /** Whom it is about hangs on a value that is not known (`${VAR}`); the subject is as written. */
  readonly unknownSubject: boolean
  /** Tiers are asked from the lowest to the highest: {@link adminTier}, {@link ordinaryTier}, {@link baselineTier}. */
  readonly tier: number
  readonly directions: Readonly<Record<Direction, Ruling>>
  readonly notes: readonly Note[]
}

/*
 * Three tiers that every dialect knows, numbered as Calico numbers them, whose own tiers lie anywhere among them
 * (libcalico-go apis/v3: AdminNetworkPolicyTierOrder, DefaultTierOrder, BaselineAdminNetworkPolicyTierOrder).
 */
export const adminTier = 1_000
export const ordinaryTier = 1_000_000
export const baselineTier = 10_000_000

/** Where NetworkPolicies stand in their tier: Calico's order for them. Elsewhere nothing else is in it, or has an order. */
export const ordinaryOrder = 1_000
