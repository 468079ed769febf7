/*
 * Terms about parts of a label's value (`app starts with 'web'`). In a box such a term is a label of its own, present where
 * the term holds: so boxes stay sets of values per key, and only who reads a Pod's labels or asks whether a box is empty
 * must know ({@link termHolds}, {@link isPossible}).
 */

const operators = ['starts with', 'ends with', 'contains'] as const

export type PatternOperator = (typeof operators)[number]

interface Pattern {
  readonly operator: PatternOperator
  readonly text: string
}

/** No label's key has one. */
const mark = '\u0000'

/** The key in a box that stands for a term about the label `key`. */
export function patternKey(key: string, operator: PatternOperator, text: string): string {
  return `${key}${mark}${operator}${mark}${text}`
}

/** The label and the term that a key of a box stands for, or undefined when it is just a label. */
export function patternOf(key: string): { readonly key: string; readonly pattern: Pattern } | undefined {
  const at = key.indexOf(mark)
  if (at < 0) return undefined
  const [name = '', text = ''] = key.slice(at + 1).split(mark)
  const operator = operators.find((one) => one === name)
  return operator && { key: key.slice(0, at), pattern: { operator, text } }
}

/** Does the term hold for this value? */
export function termHolds({ operator, text }: Pattern, value: string): boolean {
  switch (operator) {
    case 'starts with':
      return value.startsWith(text)
    case 'ends with':
      return value.endsWith(text)
    case 'contains':
      return value.includes(text)
  }
}

/** What a box says of one label: values it may have, and terms that must hold, or must not. */
export interface Demands {
  readonly listed: ReadonlySet<string>
  /** Not the listed values, but all others. */
  readonly except: boolean
  readonly absent: boolean
  readonly must: readonly Pattern[]
  readonly mustNot: readonly Pattern[]
}

/** Is there a label (or its absence) that meets all these? The length of values is not looked at. */
export function isPossible(demands: Demands): boolean {
  const { listed, except, absent, must, mustNot } = demands
  if (absent && must.length === 0) return true
  const meets = (value: string) =>
    must.every((one) => termHolds(one, value)) && !mustNot.some((one) => termHolds(one, value))
  if (!except) return listed.values().some(meets)
  const value = typicalValue(demands)
  return value === undefined || (!listed.has(value) && meets(value))
}

/**
 * The value in which what must be there is, and nothing else: the pieces, apart from one another by a character that no term
 * and no listed value has. A term holds for it only if it lies within one piece, and then it holds for every value that has
 * the pieces. So if this one does not meet the demands, none does. Undefined when there is no such character.
 */
function typicalValue({ listed, must, mustNot }: Demands): string | undefined {
  const texts = (operator: PatternOperator) => must.filter((one) => one.operator === operator).map(({ text }) => text)
  const said = [...must, ...mustNot].map(({ text }) => text).concat(...listed)
  const filler = [...'qxzjkvwybfghpmucldrnsiotae0123456789'].find((one) => !said.some((text) => text.includes(one)))
  if (filler === undefined) return undefined
  return [longest(texts('starts with')), ...texts('contains'), longest(texts('ends with'))].join(filler)
}

function longest(texts: readonly string[]): string {
  return texts.reduce((best, text) => (text.length > best.length ? text : best), '')
}
