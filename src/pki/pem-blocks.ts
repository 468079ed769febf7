/** One block of a PEM text. */
export interface PemBlock {
  /** `CERTIFICATE`, `EC PRIVATE KEY`, … */
  readonly label: string
  readonly der: Uint8Array
  /** Line of its BEGIN, from 1. */
  readonly line: number
}

/** A PEM text taken apart. */
export interface PemText {
  readonly blocks: readonly PemBlock[]
  /** What is no block though it looks like one, or why nothing was read. */
  readonly problems: readonly string[]
}

/** cert-manager's limits for what it parses (internal/pem): no real bundle, and no real certificate, is larger. */
const longestText = 330_000
const longestBlock = 36_500
const mostBlocks = 100

const begin = '-----BEGIN '
const end = '-----END '
const dashes = '-----'

/**
 * The blocks of a PEM text, found as Go's encoding/pem finds them: BEGIN and END stand at the start of a line, so indented
 * PEM is none; text around blocks is passed over; a block with headers is left out, as `AppendCertsFromPEM` leaves it out.
 * One walk over the text, whatever it holds.
 */
export function readPem(text: string): PemText {
  if (text.length > longestText)
    return { blocks: [], problems: [`${text.length} characters are more than any real bundle has (${longestText})`] }
  const blocks: PemBlock[] = []
  const problems: string[] = []
  const lines = text.split('\n')
  let open: { readonly label: string; readonly line: number; readonly body: string[] } | undefined
  for (const [i, untrimmed] of lines.entries()) {
    const line = untrimmed.trimEnd()
    if (line.startsWith(begin) && line.endsWith(dashes)) {
      if (open) problems.push(`the block of line ${open.line} has no end`)
      open = { label: line.slice(begin.length, -dashes.length), line: i + 1, body: [] }
    } else if (open && line === `${end}${open.label}${dashes}`) {
      if (blocks.length === mostBlocks) return { blocks, problems: [...problems, `only ${mostBlocks} blocks are read`] }
      const der = decode(open.body)
      if (typeof der === 'string') problems.push(`the block of line ${open.line} ${der}`)
      else blocks.push({ label: open.label, der, line: open.line })
      open = undefined
    } else if (open) open.body.push(line)
    else if (line.includes(`${begin}CERTIFICATE`)) problems.push(`line ${i + 1}: BEGIN CERTIFICATE must start its line`)
  }
  if (open) problems.push(`the block of line ${open.line} has no end`)
  return { blocks, problems }
}

function decode(lines: readonly string[]): Uint8Array | string {
  if (lines.some((line) => line.includes(':'))) return 'has headers; Go leaves it out'
  const base64 = lines.join('').replaceAll(/[ \t]/g, '')
  if (base64.length > (longestBlock * 4) / 3) return 'is larger than any real certificate'
  if (base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) return 'is not base64'
  return new Uint8Array(Buffer.from(base64, 'base64'))
}
