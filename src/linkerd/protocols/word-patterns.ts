import { createCache } from '../../core/cache.ts'

/** Patterns of a list, in which `*` stands for any text. */
interface Prepared {
  readonly exact: ReadonlySet<string>
  /** The texts between the stars. */
  readonly starred: readonly (readonly string[])[]
}

/** Lists are those of the catalogue and the configuration: each is taken apart once. */
const known = new WeakMap<readonly string[], Prepared>()

function prepare(patterns: readonly string[]): Prepared {
  let found = known.get(patterns)
  if (found === undefined) {
    const starred = patterns.filter((pattern) => pattern.includes('*')).map((pattern) => pattern.split('*'))
    known.set(patterns, (found = { exact: new Set(patterns.filter((pattern) => !pattern.includes('*'))), starred }))
  }
  return found
}

/** Does one of the texts match one of the patterns? An empty text matches none. */
export function anyMatches(
  patterns: readonly string[] | undefined,
  texts: readonly (string | null | undefined)[] | null | undefined,
): boolean {
  if (patterns === undefined || texts == null) return false
  const { exact, starred } = prepare(patterns)
  for (const text of texts) if (text && (exact.has(text) || starred.some((parts) => isMadeOf(text, parts)))) return true
  return false
}

/** Does the text begin with the first part, end with the last, and hold the others in between, in order? */
function isMadeOf(text: string, parts: readonly string[]): boolean {
  const head = parts[0] ?? ''
  const tail = parts.at(-1) ?? ''
  if (!text.startsWith(head) || !text.endsWith(tail) || text.length < head.length + tail.length) return false
  const end = text.length - tail.length
  let at = head.length
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, at)
    if (found < 0 || found + part.length > end) return false
    at = found + part.length
  }
  return true
}

/** By the end of the image's name: `nats` and `library/nats` of `registry:5000/library/nats:2.10@sha256:…`. */
export function imageMatches(patterns: readonly string[], image = ''): boolean {
  return anyMatches(patterns, endsOfImage(image))
}

const ends = createCache<readonly (string | undefined)[]>()

function endsOfImage(image: string): readonly (string | undefined)[] {
  return ends(image, () => {
    const [, path = ''] = /^([^@]*?)(?::[^/@]*)?(?:@.*)?$/.exec(image) ?? []
    const parts = path.split('/')
    return [parts.at(-1), parts.slice(-2).join('/')]
  })
}
