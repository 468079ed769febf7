import { isUnresolved, own } from '../k8s/json.ts'
import { isTerm, type Labels, type Term } from '../k8s/selector.ts'
import type { LabelSelector } from '../k8s/spec-shapes.ts'
import { type Demands, isPossible, type PatternOperator, patternKey, patternOf, termHolds } from './pattern.ts'

/** Which values of one label are admitted: a finite set of values, or all but a finite set; and whether it may be absent. */
interface Values {
  readonly listed: ReadonlySet<string>
  readonly except: boolean
  readonly absent: boolean
}

/**
 * A conjunction of label terms: per key the admitted values. A key that is not named is free. Every Kubernetes label
 * selector is exactly one box, so coverage of selectors by selectors is geometry ({@link uncovered}).
 */
export type Box = ReadonlyMap<string, Values>

const free: Values = { listed: new Set(), except: true, absent: true }

/** The box that holds nothing with keys of this prefix. */
export function emptyBox(prefix: string): Box {
  return new Map([[prefix, { listed: new Set<string>(), except: false, absent: false }]])
}

/** The box of a label selector, its keys prefixed. Undefined where a term is none that the API takes: it selects nothing. */
export function boxOf(selector: LabelSelector | null | undefined, prefix: string): Box | undefined {
  let box: Box = new Map()
  for (const [key, value] of Object.entries(selector?.matchLabels ?? {}))
    box = narrow(box, prefix + key, { listed: new Set([value ?? '']), except: false, absent: false })
  for (const term of selector?.matchExpressions ?? []) {
    if (!isTerm(term)) return undefined
    box = narrow(box, prefix + (term.key ?? ''), valuesOf(term))
  }
  return box
}

function valuesOf({ operator, values }: Term): Values {
  switch (operator) {
    case 'In':
    case 'NotIn': {
      const listed = new Set((values ?? []).map((value) => value ?? ''))
      return { listed, except: operator === 'NotIn', absent: operator === 'NotIn' }
    }
    case 'Exists':
      return { listed: new Set(), except: true, absent: false }
    case 'DoesNotExist':
      return { listed: new Set(), except: false, absent: true }
  }
}

/** The box that only objects with exactly this value of a label are in. */
export function pin(box: Box, key: string, value: string): Box {
  return pinAny(box, key, [value])
}

/** The box of objects whose label has one of these values. */
export function pinAny(box: Box, key: string, values: Iterable<string>): Box {
  return narrow(box, key, { listed: new Set(values), except: false, absent: false })
}

/** The box of objects that have the label, whatever its value. */
export function requirePresence(box: Box, key: string): Box {
  return narrow(box, key, { listed: new Set(), except: true, absent: false })
}

/** The box of objects that do not have the label. */
export function requireAbsence(box: Box, key: string): Box {
  return narrow(box, key, { listed: new Set(), except: false, absent: true })
}

/** The box of objects whose label starts with, ends with or contains a text, or does not. */
export function requirePattern(box: Box, key: string, operator: PatternOperator, text: string, holds: boolean): Box {
  const term = patternKey(key, operator, text)
  return holds ? requirePresence(box, term) : requireAbsence(box, term)
}

function narrow(box: Box, key: string, values: Values): Box {
  const current = box.get(key)
  return new Map(box).set(key, current ? intersectValues(current, values) : values)
}

/** A text that two boxes share only if they are the same terms. */
export function boxKey(box: Box): string {
  let key = ''
  for (const [name, { listed, except, absent }] of box) {
    key += `${name.length}:${name}${except ? '-' : '+'}${absent ? '?' : '!'}`
    for (const value of listed) key += `${value.length}:${value}`
    key += ';'
  }
  return key
}

export function intersect(left: Box, right: Box): Box {
  let box = left
  for (const [key, values] of right) box = narrow(box, key, values)
  return box
}

/** Is nothing in the box? */
export function isEmpty(box: Box): boolean {
  return box.values().some(isNone) || !arePatternsPossible(box)
}

/** Can the terms about parts of a label's value hold together, and with the values that the box admits? */
function arePatternsPossible(box: Box): boolean {
  const demands = new Map<string, Demands>()
  for (const [key, values] of box) {
    const found = patternOf(key)
    if (!found || (values.absent && values.except)) continue
    const so = demands.get(found.key) ?? { ...(box.get(found.key) ?? free), must: [], mustNot: [] }
    const side = values.absent ? 'mustNot' : 'must'
    demands.set(found.key, { ...so, [side]: [...so[side], found.pattern] })
  }
  return demands.values().every(isPossible)
}

/** May something be in both boxes, as far as each label alone tells? */
export function overlaps(left: Box, right: Box): boolean {
  for (const [key, values] of right) if (isNone(intersectValues(left.get(key) ?? free, values))) return false
  return true
}

/** Is an object with these labels in the box? Keys are prefixed as the box's are. */
export function contains(box: Box, labels: Labels, prefix: string): boolean {
  for (const [key, values] of box) {
    if (!key.startsWith(prefix)) continue
    const value = valueOf(labels, key.slice(prefix.length))
    if (value === undefined) {
      if (!values.absent) return false
    } else if (values.listed.has(value) === values.except) return false
  }
  return true
}

/** The value of a label; the empty one where a term about part of a label's value holds. Undefined where it is absent. */
function valueOf(labels: Labels, key: string): string | undefined {
  if (Object.hasOwn(labels, key)) return labels[key] ?? ''
  const found = patternOf(key)
  if (!found || !Object.hasOwn(labels, found.key)) return undefined
  return termHolds(found.pattern, labels[found.key] ?? '') ? '' : undefined
}

/**
 * Could such an object be in the box, once values that are not filled in yet (`${VAR}`) are? As {@link contains}, with every
 * term left out that hangs on one.
 */
export function mayContain(box: Box, labels: Labels, prefix: string): boolean {
  const isOpen = (key: string, { listed }: Values) => {
    const label = (patternOf(key)?.key ?? key).slice(prefix.length)
    return isUnresolved(key) || isUnresolved(own(labels, label)) || listed.values().some(isUnresolved)
  }
  return contains(new Map([...box].filter(([key, values]) => !isOpen(key, values))), labels, prefix)
}

/** More work than any real policy set needs; beyond it the answer is not known. */
const mostSteps = 10_000

/**
 * What of `box` is in none of the others: a non-empty box of witnesses, undefined when everything is covered, or
 * `unknown` when that would take too long.
 *
 * Recursive subtraction: per key of the first other, the part of the box outside it on that key must be covered by the
 * rest; what is inside on every key is covered.
 */
export function uncovered(box: Box, others: readonly Box[]): Box | undefined | 'unknown' {
  let steps = 0
  const remainder = (rest: Box, index: number): Box | undefined | 'unknown' => {
    if (++steps > mostSteps) return 'unknown'
    const other = others[index]
    if (other === undefined) return arePatternsPossible(rest) ? rest : undefined
    for (const outside of splitBox(rest, other).outside) {
      const left = remainder(outside, index + 1)
      if (left !== undefined) return left
    }
    return undefined
  }
  return isEmpty(box) ? undefined : remainder(box, 0)
}

/** A box cut by another: what lies outside it, in parts that share nothing, and what lies inside, if anything does. */
export function splitBox(box: Box, other: Box): { readonly outside: readonly Box[]; readonly inside: Box | undefined } {
  const parts: Box[] = []
  let inside = box
  for (const [key, values] of other) {
    const current = inside.get(key) ?? free
    const outside = intersectValues(current, complement(values))
    if (!isNone(outside)) parts.push(new Map(inside).set(key, outside))
    const within = intersectValues(current, values)
    if (isNone(within)) return { outside: parts, inside: undefined }
    inside = new Map(inside).set(key, within)
  }
  return { outside: parts, inside }
}

function intersectValues(left: Values, right: Values): Values {
  const absent = left.absent && right.absent
  if (left.except && right.except) return { listed: left.listed.union(right.listed), except: true, absent }
  if (left.except) return { listed: right.listed.difference(left.listed), except: false, absent }
  if (right.except) return { listed: left.listed.difference(right.listed), except: false, absent }
  return { listed: left.listed.intersection(right.listed), except: false, absent }
}

function complement({ listed, except, absent }: Values): Values {
  return { listed, except: !except, absent: !absent }
}

function isNone({ listed, except, absent }: Values): boolean {
  return !except && !absent && listed.size === 0
}

/**
 * The terms of a box as people write them (`app=web`, `tier in (a, b)`, `!debug`), for keys of one prefix.
 *
 * @param hidden keys (without prefix) that go without saying
 */
export function formatBox(box: Box, prefix: string, hidden: readonly string[] = []): string {
  const terms: string[] = []
  for (const [key, { listed, except, absent }] of box) {
    if (!key.startsWith(prefix)) continue
    const name = key.slice(prefix.length)
    if (hidden.includes(name)) continue
    const values = [...listed]
    const term = patternOf(name)
    if (term) terms.push(`${absent ? 'not ' : ''}${term.key} ${term.pattern.operator} ${term.pattern.text}`)
    else if (!except && listed.size === 0) terms.push(`no label ${name}`)
    else if (!except) terms.push(listed.size === 1 ? `${name}=${values[0]}` : `${name} in (${values.join(', ')})`)
    else if (listed.size === 0 && !absent) terms.push(`a label ${name}`)
    else if (listed.size > 0) terms.push(`${name} other than ${values.join(', ')}`)
  }
  return terms.join(' and ')
}

/** The box without objects that have one of these values of a label. */
export function exclude(box: Box, key: string, values: ReadonlySet<string>): Box {
  return narrow(box, key, { listed: values, except: true, absent: true })
}

/** The values a box admits of a label, where it names them. */
export function listedValues(box: Box, key: string): readonly string[] {
  const values = box.get(key)
  return values && !values.except ? [...values.listed] : []
}

/** The box with every key moved from one prefix to another. */
export function movePrefix(box: Box, from: string, to: string): Box {
  return new Map([...box].map(([key, values]) => [key.startsWith(from) ? to + key.slice(from.length) : key, values]))
}
