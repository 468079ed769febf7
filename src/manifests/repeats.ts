import { isObject, type Path } from '../k8s/json.ts'
import type { Repeat } from '../k8s/resource.ts'
import type { LostEntries } from './bulk-schema.ts'

/** The entries that are lost in a value, in the order of its text. What an alias repeats is told of where it stands first. */
export function* repeatsIn(value: unknown, lost: LostEntries): Generator<Repeat> {
  yield* within(value, [], lost, new Set())
}

function* within(value: unknown, path: Path, lost: LostEntries, seen: Set<unknown>): Generator<Repeat> {
  if (typeof value !== 'object' || value === null || seen.has(value)) return
  seen.add(value)
  for (const [key, entries] of lost.get(value) ?? [])
    for (const [entry, gone] of entries.entries()) yield { path: [...path, key], entry, lost: gone }
  if (Array.isArray(value)) for (const [i, item] of value.entries()) yield* within(item, [...path, i], lost, seen)
  else if (isObject(value))
    for (const [key, member] of Object.entries(value)) yield* within(member, [...path, key], lost, seen)
}
