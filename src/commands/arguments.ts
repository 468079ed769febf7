import { type ParseArgsConfig, parseArgs } from 'node:util'
import { nearest } from '../core/nearest.ts'

/** The command line is wrong: the message says what to type instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

type Options = NonNullable<ParseArgsConfig['options']>

/**
 * The arguments of one command, in `node:util` parseArgs' form.
 *
 * @throws UsageError for an unknown option (with the nearest known one) or a missing value
 */
export function readArguments<const O extends Options>(args: readonly string[], options: O) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, allowNegative: true, tokens: true })
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const option = /'(--?[^' ,=]+)/.exec(error.message)?.[1]
    const known = Object.keys(options).map((name) => `--${name}`)
    const near = option === undefined ? undefined : nearest(option, known)
    const reason = error.message.split('. ')[0] ?? error.message
    throw new UsageError(near !== undefined && near !== option ? `${reason}; did you mean ${near}?` : reason)
  }
}

/**
 * The value of an option that is one of few words.
 *
 * @throws UsageError
 */
export function oneOf<const W extends string>(option: string, value: string, words: readonly W[]): W {
  const found = words.find((word) => word === value)
  if (found === undefined) throw new UsageError(`${option} takes ${words.join(', ')}, not ${JSON.stringify(value)}`)
  return found
}
