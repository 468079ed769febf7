import type { PatternOperator } from './pattern.ts'

/** One term about a label, or a boolean combination of selectors. */
export type CalicoSelector =
  | { readonly is: 'all' }
  | { readonly is: 'global' }
  | { readonly is: 'has'; readonly key: string }
  | { readonly is: 'in'; readonly key: string; readonly values: readonly string[] }
  /** Holds where the label is absent, too. */
  | { readonly is: 'not in'; readonly key: string; readonly values: readonly string[] }
  | { readonly is: PatternOperator; readonly key: string; readonly text: string }
  | { readonly is: 'not'; readonly of: CalicoSelector }
  | { readonly is: 'and' | 'or'; readonly of: readonly CalicoSelector[] }

/**
 * Calico's selector language (libcalico-go lib/selector): `k == 'v'`, `!=`, `in {…}`, `not in {…}`, `has(k)`, `contains`,
 * `starts with`, `ends with`, `!`, `&&`, `||`, `all()`, `global()`, parentheses. Empty is `all()`. Undefined where the text is no selector.
 */
export function parseCalicoSelector(text: string): CalicoSelector | undefined {
  const tokens = tokensOf(text)
  if (!tokens) return undefined
  if (tokens.length === 0) return { is: 'all' }
  const reader = readerOf(tokens)
  const selector = readOr(reader)
  return selector && reader.next() === undefined ? selector : undefined
}

interface Token {
  readonly is: 'text' | 'word' | 'sign'
  readonly text: string
}

interface Reader {
  peek(): Token | undefined
  next(): Token | undefined
  /** Takes the sign, if it is the next token. */
  take(sign: string): boolean
}

function readerOf(tokens: readonly Token[]): Reader {
  let at = 0
  return {
    peek: () => tokens[at],
    next: () => tokens[at++],
    take(sign) {
      const token = tokens[at]
      if (token?.is !== 'sign' || token.text !== sign) return false
      at++
      return true
    },
  }
}

/** Signs, the longest first. A word is a label's key; what is written with blanks inside (`not in`) is one sign. */
const grammar =
  /\s*(?:"([^"]*)"|'([^']*)'|(all\(\s*\)|global\(\s*\)|has\(\s*[A-Za-z0-9_./-]+\s*\)|not\s*in\b|starts\s*with\b|ends\s*with\b|==|!=|&&|\|\||[!(){},])|([A-Za-z0-9_./-]+))/y

function tokensOf(text: string): Token[] | undefined {
  const tokens: Token[] = []
  const whole = text.trimEnd()
  grammar.lastIndex = 0
  while (grammar.lastIndex < whole.length) {
    const found = grammar.exec(whole)
    if (!found) return undefined
    const [, double, single, sign, word] = found
    const quoted = double ?? single
    if (quoted !== undefined) tokens.push({ is: 'text', text: quoted })
    else if (sign !== undefined) tokens.push({ is: 'sign', text: nameOf(sign) })
    else tokens.push({ is: 'word', text: word ?? '' })
  }
  return tokens
}

/** A sign as it is written here: `not in` may be written `notin`. */
function nameOf(sign: string): string {
  return sign.replaceAll(/\s+/g, '').replace(/^(not|starts|ends)(in|with)$/, '$1 $2')
}

function readOr(reader: Reader): CalicoSelector | undefined {
  return readList(reader, '||', 'or', readAnd)
}

function readAnd(reader: Reader): CalicoSelector | undefined {
  return readList(reader, '&&', 'and', readTerm)
}

function readList(
  reader: Reader,
  sign: string,
  is: 'and' | 'or',
  read: (reader: Reader) => CalicoSelector | undefined,
): CalicoSelector | undefined {
  const of: CalicoSelector[] = []
  do {
    const one = read(reader)
    if (!one) return undefined
    of.push(one)
  } while (reader.take(sign))
  return of.length === 1 ? of[0] : { is, of }
}

function readTerm(reader: Reader): CalicoSelector | undefined {
  if (reader.take('!')) {
    const of = readTerm(reader)
    return of && { is: 'not', of }
  }
  if (reader.take('(')) {
    const inner = readOr(reader)
    return inner && reader.take(')') ? inner : undefined
  }
  const token = reader.next()
  if (token?.is === 'sign') {
    if (token.text === 'all()') return { is: 'all' }
    if (token.text === 'global()') return { is: 'global' }
    const key = /^has\((.*)\)$/.exec(token.text)?.[1]
    return key === undefined ? undefined : { is: 'has', key }
  }
  return token?.is === 'word' ? readComparison(reader, token.text) : undefined
}

function readComparison(reader: Reader, key: string): CalicoSelector | undefined {
  const operator = reader.next()
  if (operator === undefined || operator.is === 'text') return undefined
  switch (operator.text) {
    case '==':
    case '!=': {
      const value = reader.next()
      if (value?.is !== 'text') return undefined
      return { is: operator.text === '==' ? 'in' : 'not in', key, values: [value.text] }
    }
    case 'in':
    case 'not in': {
      const values = readSet(reader)
      return values && { is: operator.text, key, values }
    }
    case 'contains':
    case 'starts with':
    case 'ends with': {
      const value = reader.next()
      return value?.is === 'text' ? { is: operator.text, key, text: value.text } : undefined
    }
    default:
      return undefined
  }
}

function readSet(reader: Reader): string[] | undefined {
  if (!reader.take('{')) return undefined
  const values: string[] = []
  while (!reader.take('}')) {
    const value = reader.next()
    if (value?.is !== 'text') return undefined
    values.push(value.text)
    if (reader.take('}')) return values
    if (!reader.take(',')) return undefined
  }
  return values
}
