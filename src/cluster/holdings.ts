import type { WireIdentity } from './watch.ts'

/** What a reflector holds of one object. Small: there may be 100,000. */
export interface Held<T> {
  readonly item: T
  readonly uid: number
  readonly version: number | string
}

/** What a reflector holds, by namespace and name. */
export interface Holdings<T> {
  get(namespace: string, name: string): Held<T> | undefined
  set(namespace: string, name: string, held: Held<T>): void
  delete(namespace: string, name: string): boolean
  size(): number
  items(): T[]
  keys(): Iterable<readonly [namespace: string, name: string]>
}

export function createHoldings<T>(): Holdings<T> {
  const namespaces = new Map<string, Map<string, Held<T>>>()
  let size = 0
  return {
    get: (namespace, name) => namespaces.get(namespace)?.get(name),
    set(namespace, name, held) {
      let names = namespaces.get(namespace)
      if (names === undefined) {
        names = new Map()
        namespaces.set(namespace, names)
      }
      if (!names.has(name)) size++
      names.set(name, held)
    },
    delete(namespace, name) {
      const names = namespaces.get(namespace)
      if (!names?.delete(name)) return false
      size--
      if (names.size === 0) namespaces.delete(namespace)
      return true
    },
    size: () => size,
    items: () => [...namespaces.values()].flatMap((names) => Array.from(names.values(), (held) => held.item)),
    *keys() {
      for (const [namespace, names] of namespaces) for (const name of names.keys()) yield [namespace, name]
    },
  }
}

/** What is held of an object in this state. */
export function holding<T>(item: T, { uid, resourceVersion }: WireIdentity): Held<T> {
  return { item, uid: short(uid), version: compact(resourceVersion) }
}

/** Is this the very state that is held? */
export function isHeld<T>(held: Held<T>, { uid, resourceVersion }: WireIdentity): boolean {
  return held.version === compact(resourceVersion) && held.uid === short(uid)
}

/** Is this the object that is held, and not another one of its name? */
export function isSameObject<T>(held: Held<T>, { uid }: WireIdentity): boolean {
  return uid === '' || held.uid === short(uid)
}

/** A version stays opaque; where it is written as a number it is kept as one, in a quarter of the room. */
function compact(version: string): number | string {
  const number = Number(version)
  return String(number) === version ? number : version
}

/** 30 bits of a uid: enough to tell two objects that had the same name one after the other. */
function short(uid: string): number {
  let hash = 0
  for (let i = 0; i < uid.length; i++) hash = (Math.imul(hash, 31) + uid.charCodeAt(i)) & 0x3fffffff
  return hash
}
