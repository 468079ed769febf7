import { parseQuantity } from '../go-values.ts'

/* What a value was probably meant to be, where it is more than a letter away. */

/** What people say for on and off. */
export function switchOf<T>(value: string, on: T, off: T): T | undefined {
  const word = value.trim().toLowerCase()
  if (['true', 'yes', 'on', 'enable', 'enabled', '1', 'y'].includes(word)) return on
  return ['false', 'no', 'off', 'disable', 'disabled', '0', 'n'].includes(word) ? off : undefined
}

/** `30` is seconds to most who write it; `10sec` and `1d` have a unit that Go does not know. */
export function durationOf(value: string): string | undefined {
  const [, number = '', unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(value) ?? []
  if (number === '') return undefined
  const word = unit.toLowerCase()
  if (['', 's', 'sec', 'secs', 'second', 'seconds'].includes(word)) return `${number}s`
  if (['ms', 'msec', 'millis', 'milliseconds'].includes(word)) return `${number}ms`
  if (['m', 'min', 'mins', 'minute', 'minutes'].includes(word)) return `${number}m`
  if (['h', 'hr', 'hour', 'hours'].includes(word)) return `${number}h`
  return word === 'd' || word === 'day' || word === 'days' ? `${Number(number) * 24}h` : undefined
}

/** Without spaces and without the `B` of bytes; a decimal comma becomes a point; `cores` go. */
export function quantityOf(value: string): string | undefined {
  const bare = value
    .replace(/\s*cores?$/i, '')
    .replaceAll(/\s+/g, '')
    .replace(/^(\d+),(\d+)/, '$1.$2')
    .replace(/([kKMGTPE]i?)[bB]$/, '$1')
  return bare !== value && 'value' in parseQuantity(bare) ? bare : undefined
}
