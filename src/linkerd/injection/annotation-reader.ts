import { configPrefixes } from '../facts.ts'
import { type Parsed, parseGoBool, parseGoDuration, parseGoInt } from '../go-values.ts'
import { isKnownIn, proxyAnnotation } from './proxy-annotations.ts'

/** Words for the injector's log, about a key, Go's error and the value. */
export type Warning = (key: string, error: string, value: string) => string

/**
 * Reads configuration annotations as the injector does: a key that the release does not know is absent, and a value that
 * cannot be read leaves the fallback in place, sometimes with a word in the injector's log.
 */
export interface AnnotationReader {
  /** What was logged so far. */
  readonly warnings: string[]
  readonly find: (name: string, prefix?: string) => string | undefined
  readonly text: (name: string, fallback: string) => string
  readonly value: <T>(
    name: string,
    parse: (text: string) => Parsed<T>,
    fallback: T,
    warning?: Warning,
    prefix?: string,
  ) => T
  readonly bool: (name: string, warning?: Warning) => boolean
  readonly onOff: (name: string, fallback: boolean) => boolean
  readonly port: (name: string, fallback: number) => number
  /** A duration cut to whole units, with the unit. */
  readonly duration: (name: string, unit: 'ms' | 's', fallback: string, warning: Warning) => string
}

/** Where the empty text is as good as no annotation, and gets no warning. */
const emptyIsAbsent = new Set(['enable-debug-sidecar', 'close-wait-timeout'])

export function annotationReader(merged: ReadonlyMap<string, string>, minor: number): AnnotationReader {
  const warnings: string[] = []
  const find = (name: string, prefix: string = configPrefixes.stable) => {
    const key = prefix + name
    const text = merged.get(key)
    if (text === undefined) return undefined
    const known = proxyAnnotation(key)
    return known && isKnownIn(known, minor) ? text : undefined
  }
  const value: AnnotationReader['value'] = (name, parse, fallback, warning, prefix = configPrefixes.stable) => {
    const text = find(name, prefix)
    if (text === undefined || (text === '' && emptyIsAbsent.has(name))) return fallback
    const parsed = parse(text)
    if ('value' in parsed) return parsed.value
    if (warning) warnings.push(warning(prefix + name, parsed.error, text))
    return fallback
  }
  return {
    warnings,
    find,
    text: (name, fallback) => find(name) ?? fallback,
    value,
    bool: (name, warning) => value(name, parseGoBool, false, warning),
    onOff: (name, fallback) => value(name, parseOnOff, fallback, notOnOff),
    port: (name, fallback) => value(name, (text) => parseGoInt(text, 32), fallback),
    duration: (name, unit, fallback, warning) => value(name, (text) => wholeUnits(text, unit), fallback, warning),
  }
}

function parseOnOff(text: string): Parsed<boolean> {
  return text === 'enabled' || text === 'disabled' ? { value: text === 'enabled' } : { error: '' }
}

function notOnOff(key: string): string {
  return `unrecognized value used for the ${key} annotation, valid values are: [enabled, disabled]`
}

function wholeUnits(text: string, unit: 'ms' | 's'): Parsed<string> {
  const parsed = parseGoDuration(text)
  if ('error' in parsed) return parsed
  return { value: `${Math.trunc(unit === 'ms' ? parsed.value : parsed.value / 1000)}${unit}` }
}
