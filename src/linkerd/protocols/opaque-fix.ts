import type { Fix } from '../../core/edit.ts'
import type { Path } from '../../k8s/json.ts'
import { annotations } from '../facts.ts'

/** Writes a list in its canonical form; no fix where there is none. */
export function opaqueListFix(list: string | undefined, path: Path): Fix | undefined {
  if (list === undefined) return undefined
  const place = [...path, 'metadata', 'annotations', annotations.opaquePorts]
  return { title: `set ${annotations.opaquePorts}: "${list}"`, edits: [{ op: 'set', path: place, value: list }] }
}

/** What to type: the whole list, because it replaces what is in effect. */
export function opaqueListInWords(list: string | undefined, port: number): string {
  if (list !== undefined) return `${annotations.opaquePorts}: "${list}"`
  return `${annotations.opaquePorts} to numbers only, ${port} among them (as it is, nobody reads it whole)`
}
