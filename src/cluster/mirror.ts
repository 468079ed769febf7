import { setImmediate } from 'node:timers/promises'
import { createHoldings, holding, isHeld, isSameObject } from './holdings.ts'
import type { Page } from './list.ts'
import { Trouble } from './trouble.ts'
import { identityOf, type WatchEvent, type WireIdentity, type WireObject } from './watch.ts'

/** Where a reflector writes. Called in order, never at the same time. */
export interface Sink<T> {
  /** These are all there are. What did not change is the very same object as before. */
  replace(items: readonly T[]): void
  upsert(item: T): void
  remove(namespace: string, name: string): void
}

/** The objects of one kind as the API server told them, and a sink that is kept equal to them. */
export interface Mirror {
  /**
   * Takes a whole list, and answers how many objects were held otherwise. The sink hears of it when there are any, or when it
   * must not be trusted any more.
   *
   * @throws a Trouble, or what the list throws; then nothing has changed
   */
  fill(apiVersion: string, pages: AsyncIterable<Page>): Promise<number>
  apply(apiVersion: string, event: WatchEvent): void
  /** There is nothing of this kind. */
  empty(): void
  objects(): number
  malformed(): number
  sinkFailures(): number
}

/** Objects of a list that are read at a stretch: some five milliseconds, then others have their turn. */
const batch = 100

/** @param decode what is kept of an object, undefined where its owner speaks for it; throws when it is malformed */
export function createMirror<T>(
  decode: (apiVersion: string, object: WireObject) => T | undefined,
  sink: Sink<T>,
): Mirror {
  let held = createHoldings<T>()
  let malformed = new Set<string>()
  let sinkFailures = 0
  /** At first, and after it threw. */
  let distrusted = true

  /** What the sink does with what it is told is its affair. */
  const tell = (write: () => void) => {
    try {
      write()
    } catch {
      sinkFailures++
      distrusted = true
    }
  }
  const replace = () => {
    distrusted = false
    tell(() => sink.replace(held.items()))
  }
  const tryDecode = (apiVersion: string, object: WireObject, { namespace, name }: WireIdentity, wrong: Set<string>) => {
    const key = `${namespace}/${name}`
    try {
      const item = decode(apiVersion, object)
      wrong.delete(key)
      return item
    } catch {
      wrong.add(key)
      return undefined
    }
  }

  return {
    async fill(apiVersion, pages) {
      const fresh = createHoldings<T>()
      const wrong = new Set<string>()
      let differences = 0
      for await (const { items } of pages) {
        // Each object goes as soon as it was read: a page is not in memory twice.
        items.reverse()
        let read = 0
        for (let object = items.pop(); object !== undefined; object = items.pop()) {
          if (read++ % batch === batch - 1) await setImmediate()
          const identity = identityOf(object)
          if (identity === undefined) throw new Trouble('corrupt', 'a listed object has no name or no resourceVersion')
          const { namespace, name } = identity
          const before = held.get(namespace, name)
          if (before !== undefined && isHeld(before, identity)) {
            fresh.set(namespace, name, before)
            continue
          }
          const item = tryDecode(apiVersion, object, identity, wrong)
          if (item !== undefined) fresh.set(namespace, name, holding(item, identity))
          if (item !== undefined || before !== undefined) differences++
        }
      }
      for (const [namespace, name] of held.keys()) if (fresh.get(namespace, name) === undefined) differences++
      held = fresh
      malformed = wrong
      if (differences > 0 || distrusted) replace()
      return differences
    },
    apply(apiVersion, event) {
      if (event.type === 'BOOKMARK') return
      const { object, identity } = event
      const { namespace, name } = identity
      const before = held.get(namespace, name)
      if (event.type === 'DELETED') {
        if (before !== undefined && !isSameObject(before, identity)) return
        malformed.delete(`${namespace}/${name}`)
      } else {
        if (before !== undefined && isHeld(before, identity)) return
        const item = tryDecode(apiVersion, object, identity, malformed)
        if (item !== undefined) {
          held.set(namespace, name, holding(item, identity))
          return tell(() => sink.upsert(item))
        }
      }
      if (held.delete(namespace, name)) tell(() => sink.remove(namespace, name))
    },
    empty() {
      if (held.size() === 0 && malformed.size === 0 && !distrusted) return
      held = createHoldings()
      malformed = new Set()
      replace()
    },
    objects: () => held.size(),
    malformed: () => malformed.size,
    sinkFailures: () => sinkFailures,
  }
}
