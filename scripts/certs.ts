import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/*
 * certs/: the chart's default rendering, for people without Helm. Only helm can render it, and it is not always there. So each
 * file says which chart it was rendered from: that it is stale is seen without helm, and a test with helm compares all of it.
 */

const certificates = 'templates/certificates.yaml'

/** What a rendering follows from: changing it changes the digest. */
export function chartDigest(root: string): string {
  const chart = join(root, 'charts/meshgate')
  const parts = readdirSync(chart, { recursive: true, encoding: 'utf8' })
    .filter((file) => /^(?:Chart|values|templates\/[^/]+|files\/[^/]+)\.(?:yaml|tpl)$/.test(file))
    .toSorted()
  const hash = createHash('sha256')
  for (const file of parts) hash.update(`${file}\0${readFileSync(join(chart, file), 'utf8')}\0`)
  return hash.digest('hex').slice(0, 16)
}

/** Does the file say that it was rendered from this chart? */
export function isFresh(text: string, digest: string): boolean {
  return text.startsWith(headerOf(digest))
}

function headerOf(digest: string): string {
  return `# Rendered by npm run generate from charts/meshgate ${digest}.\n`
}

/** The files of certs/ that are rendered, by name. */
export function renderCerts(root: string, helm: string): ReadonlyMap<string, string> {
  const run = (...args: readonly string[]) =>
    execFileSync(
      helm,
      ['template', 'meshgate', join(root, 'charts/meshgate'), '--namespace=meshgate', '--skip-tests', ...args],
      { encoding: 'utf8' },
    )
  const header = headerOf(chartDigest(root))
  const ofCertificates = run(`--show-only=${certificates}`)
  const rest = run()
    .split(/^(?=---$)/m)
    .filter((document) => !document.includes(`# Source: meshgate/${certificates}`))
  return new Map([
    ['certificates.yaml', header + ofCertificates],
    ['webhook.yaml', header + rest.join('')],
  ])
}
