import { own } from '../../k8s/json.ts'
import type { Labels } from '../../k8s/selector.ts'
import {
  addBit,
  addBits,
  type Bits,
  bitsIn,
  emptyBits,
  firstBit,
  hasBit,
  keepBits,
  removeBit,
  removeBits,
} from '../../policy/bits.ts'
import { type Box, boxKey, contains } from '../../policy/box.ts'
import { patternOf, termHolds } from '../../policy/pattern.ts'
import { namespaceKey, podKey } from '../../policy/policy.ts'
import { formatPorts } from '../../policy/port-set.ts'
import { labels as linkerdLabels } from '../facts.ts'
import { namesKey, type PodFacts } from './pod-facts.ts'

/** Pods that do not differ in anything the mesh or a policy asks for. */
interface PodClass {
  readonly pod: PodFacts
  readonly namespaceLabels: Labels
}

/** Pods that are reached, and reach others, on the same wire ports. */
export interface WireProfile {
  /** One of them, for questions whose answer is the same for all. */
  readonly sample: PodFacts
  readonly members: Bits
}

/**
 * The meshed Pods of a cluster as sets of bits, so that a selector over all namespaces costs little more in a large cluster
 * than in a small one. Corrected namespace by namespace as the cluster changes.
 */
export interface PodIndex {
  /**
   * These are the classes of a namespace now; nothing happens where they are what they were.
   *
   * @param home an object that is another one when anything has changed that all Pods of the namespace take from it
   */
  put(namespace: string, home: object | undefined, namespaceLabels: Labels, pods: readonly PodFacts[]): void
  /** Pods that a selector admits, by their own labels and those of their namespace. Not to be changed. */
  select(box: Box): Bits
  /** Pods of a namespace, as a set of the caller's own. */
  in(namespace: string): Bits
  /** By what decides the wire port. Only where ports are asked for by name do the names that Pods declare matter. */
  profiles(byName: boolean): Generator<WireProfile>
  /** One of the Pods in `bits` and `mask`, not in `without`; from then on it is. */
  takeFirst(bits: Bits, mask: Bits, without: Bits): PodFacts | undefined
  /** Adds to `without` who is in `mask` and in the same of these boxes as a Pod of the index. */
  dropAlike(pod: PodFacts, boxes: Iterable<Box>, mask: Bits, without: Bits): void
  /** Those that are reached as this Pod, which may be none of them, by the same names of ports, and are in the same of these boxes. */
  like(pod: PodFacts, namespaceLabels: Labels, boxes: Iterable<Box>): Bits
  /** Namespaces of the Pods that a selector admits. */
  namespacesOf(box: Box): ReadonlySet<string>
  /** An empty set of Pods. */
  none(): Bits
}

/** More selectors than a cluster's policies have. At 10,000 classes each takes 1.25 kB. */
const mostSelectors = 4096

const smallest = 1024

export function createPodIndex(): PodIndex {
  let size = smallest
  const classes: (PodClass | undefined)[] = []
  const free: number[] = []
  const byNamespace = new Map<string, { readonly home: object | undefined; readonly ids: Map<string, number> }>()
  /** Key with prefix → value → ids. */
  const postings = new Map<string, Map<string, Set<number>>>()
  let everybody = emptyBits(size)
  const selected = new Map<string, { readonly box: Box; readonly bits: Bits }>()
  const profiles = new Map<string, Profile>()
  const namedProfiles = new Map<string, Profile>()

  const add = (pod: PodFacts, namespaceLabels: Labels): number => {
    const id = free.pop() ?? classes.length
    classes[id] = { pod, namespaceLabels }
    if (id >= size) grow()
    addBit(everybody, id)
    forLabels(pod.labels, namespaceLabels, (key, value) => {
      let values = postings.get(key)
      if (!values) postings.set(key, (values = new Map()))
      const ids = values.get(value)
      if (ids) ids.add(id)
      else values.set(value, new Set([id]))
    })
    join(profiles, wireKey(pod), id)
    join(namedProfiles, wireKey(pod) + namesKey(pod.named), id)
    for (const { box, bits } of selected.values())
      if (contains(box, pod.labels, podKey) && contains(box, namespaceLabels, namespaceKey)) addBit(bits, id)
    return id
  }
  const remove = (id: number) => {
    const found = classes[id]
    if (!found) return
    const { pod, namespaceLabels } = found
    classes[id] = undefined
    free.push(id)
    removeBit(everybody, id)
    forLabels(pod.labels, namespaceLabels, (key, value) => {
      const values = postings.get(key)
      const ids = values?.get(value)
      ids?.delete(id)
      if (ids?.size === 0) values?.delete(value)
      if (values?.size === 0) postings.delete(key)
    })
    leave(profiles, wireKey(pod), id)
    leave(namedProfiles, wireKey(pod) + namesKey(pod.named), id)
    for (const { bits } of selected.values()) removeBit(bits, id)
  }
  const grow = () => {
    size *= 2
    selected.clear()
    everybody = widened(everybody, size)
    for (const profile of [...profiles.values(), ...namedProfiles.values()])
      profile.members = widened(profile.members, size)
  }
  const join = (kind: Map<string, Profile>, key: string, id: number) => {
    let profile = kind.get(key)
    if (!profile) kind.set(key, (profile = { members: emptyBits(size), count: 0 }))
    addBit(profile.members, id)
    profile.count++
  }
  const leave = (kind: Map<string, Profile>, key: string, id: number) => {
    const profile = kind.get(key)
    if (!profile) return
    removeBit(profile.members, id)
    profile.count--
    if (profile.count === 0) kind.delete(key)
  }
  const posted = (key: string, values?: ReadonlySet<string>): Bits => {
    const bits = emptyBits(size)
    // A term about part of a value is there, and empty, where it holds.
    const term = patternOf(key)
    for (const [value, ids] of postings.get(term?.key ?? key) ?? []) {
      if (term && !termHolds(term.pattern, value)) continue
      if (values === undefined || values.has(term ? '' : value)) for (const id of ids) addBit(bits, id)
    }
    return bits
  }
  const find = (box: Box): Bits => {
    const bits = everybody.slice()
    for (const [key, { listed, except, absent }] of box) {
      const term = listed.size > 0 ? posted(key, listed) : emptyBits(size)
      if (!except && !absent) {
        keepBits(bits, term)
        continue
      }
      const present = posted(key)
      if (except && absent) removeBits(bits, term)
      else if (except) {
        keepBits(bits, present)
        removeBits(bits, term)
      } else {
        // Absent, or one of the listed values.
        removeBits(present, term)
        removeBits(bits, present)
      }
    }
    return bits
  }

  const select = (box: Box) => {
    const key = boxKey(box)
    let known = selected.get(key)
    if (!known) {
      if (selected.size >= mostSelectors) selected.clear()
      selected.set(key, (known = { box, bits: find(box) }))
    }
    return known.bits
  }

  return {
    put(namespace, home, labels, pods) {
      const before = byNamespace.get(namespace)
      const kept = before?.home === home ? before?.ids : undefined
      const ids = new Map<string, number>()
      for (const pod of pods) {
        if (ids.has(pod.key)) continue
        const id = kept?.get(pod.key) ?? add(pod, labels)
        // One Pod may have taken the place of another one like it.
        classes[id] = { pod, namespaceLabels: labels }
        ids.set(pod.key, id)
      }
      for (const [key, id] of before?.ids ?? []) if (kept === undefined || !ids.has(key)) remove(id)
      if (ids.size > 0) byNamespace.set(namespace, { home, ids })
      else byNamespace.delete(namespace)
    },
    select,
    in(namespace) {
      const bits = emptyBits(size)
      for (const id of byNamespace.get(namespace)?.ids.values() ?? []) addBit(bits, id)
      return bits
    },
    *profiles(byName) {
      for (const { members } of (byName ? namedProfiles : profiles).values()) {
        const sample = classes[firstBit(members, members)]?.pod
        if (sample) yield { sample, members }
      }
    },
    takeFirst(bits, mask, without) {
      const id = firstBit(bits, mask, without)
      if (id < 0) return undefined
      addBit(without, id)
      return classes[id]?.pod
    },
    dropAlike(pod, boxes, mask, without) {
      const id = byNamespace.get(pod.namespace)?.ids.get(pod.key)
      if (id === undefined) return
      const alike = mask.slice()
      for (const box of boxes) {
        const bits = select(box)
        if (hasBit(bits, id)) keepBits(alike, bits)
        else removeBits(alike, bits)
      }
      addBits(without, alike)
    },
    like(pod, namespaceLabels, boxes) {
      const alike = namedProfiles.get(wireKey(pod) + namesKey(pod.named))?.members.slice() ?? emptyBits(size)
      for (const box of boxes)
        if (contains(box, pod.labels, podKey) && contains(box, namespaceLabels, namespaceKey))
          keepBits(alike, select(box))
        else removeBits(alike, select(box))
      return alike
    },
    namespacesOf(box) {
      const names = new Set<string>()
      for (const id of bitsIn(select(box))) {
        const found = classes[id]
        if (found) names.add(found.pod.namespace)
      }
      return names
    },
    none: () => emptyBits(size),
  }
}

interface Profile {
  members: Bits
  count: number
}

function widened(bits: Bits, size: number): Bits {
  const larger = emptyBits(size)
  larger.set(bits)
  return larger
}

/** Everything that decides on which wire port two Pods meet, but for names of ports. */
export function wireKey(pod: PodFacts): string {
  const controlPlane = own(pod.labels, linkerdLabels.controlPlaneNamespace)
  const ports = [pod.bypassed, pod.skipOutbound, pod.opaque].map(formatPorts)
  return [pod.meshed, controlPlane, pod.skipsPods, pod.inboundPort, ...ports].join('|')
}

/** A Pod's labels and its namespace's, each under the prefix that selectors have. */
function forLabels(pod: Labels, namespace: Labels, use: (key: string, value: string) => void): void {
  for (const [key, value] of Object.entries(pod)) use(podKey + key, value ?? '')
  for (const [key, value] of Object.entries(namespace)) use(namespaceKey + key, value ?? '')
}
