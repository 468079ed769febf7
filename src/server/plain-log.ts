import { toAscii } from './ascii.ts'

/** Where lines of the log go. */
export interface Log {
  write(line: string): void
}

/** Of a text within an event: what people send may be as long as an object, 1.5 MiB. */
const longestText = 4096

/**
 * A log that is safe to look at: each event is one line of JSON, in ASCII, whose texts are of bounded length. What somebody
 * else wrote into a name can neither begin a line nor speak to the terminal.
 */
export function plainLog(log: Log): Log {
  return {
    write(line) {
      const short = line.length <= longestText ? line : `${JSON.stringify(JSON.parse(line), cut)}\n`
      log.write(toAscii(short))
    },
  }
}

function cut(_key: string, value: unknown): unknown {
  if (typeof value !== 'string' || value.length <= longestText) return value
  return `${value.slice(0, longestText)}… (${value.length} characters)`
}
