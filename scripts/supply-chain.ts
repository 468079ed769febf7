import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/* What we ship of other people's: licences, pins, install scripts and versions known to be bad, from the lockfile; then known advisories. */

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

interface Lock {
  readonly packages: Readonly<Record<string, LockedPackage>>
}

interface LockedPackage {
  readonly version?: string
  readonly license?: string
  readonly integrity?: string
  readonly dev?: boolean
  readonly hasInstallScript?: boolean
}

/** SPDX expressions that go with Apache-2.0 and ask for no more than a notice. */
const licences = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'ISC',
  'MIT',
  'PSF-2.0',
  'Unlicense',
  // A choice of ours: the first.
  '(BSD-3-Clause OR GPL-2.0)',
])

/** Versions that must not come back. */
const refused: readonly { readonly name: string; readonly bad: (version: string) => boolean; readonly why: string }[] =
  [
    {
      name: '@kubernetes/client-node',
      bad: (version) => version === '2.0.0',
      why: 'it ends watches that are busy',
    },
    {
      name: 'node-forge',
      bad: (version) => version.localeCompare('1.4.3', 'en', { numeric: true }) < 0,
      why: 'PEM of a stranger can keep it busy in square time, or worse',
    },
  ]

const mostDirect = 15

/**
 * What is wrong with the packages that are shipped (all but development's), a sentence each.
 * `manifest` and `lock` are package.json and package-lock.json (version 3).
 */
export function faultsIn(manifest: Manifest, lock: Lock): readonly string[] {
  return [...directFaults(manifest), ...lockedFaults(lock)]
}

function* directFaults({ dependencies = {}, devDependencies = {} }: Manifest): Generator<string> {
  for (const [name, range] of Object.entries({ ...dependencies, ...devDependencies }))
    if (!/^~?\d+\.\d+\.\d+(-[\w.]+)?$/.test(range))
      yield `${name}: ${range} is not one version: name the one that was tested`
  const direct = Object.keys(dependencies).length
  if (direct > mostDirect) yield `${direct} packages are depended on directly: at most ${mostDirect}`
}

function* lockedFaults({ packages }: Lock): Generator<string> {
  for (const [path, { version = '', license, integrity, dev, hasInstallScript }] of Object.entries(packages)) {
    if (path === '' || dev) continue
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
    const title = `${name}@${version}`
    if (license === undefined) yield `${title} names no licence`
    else if (!licences.has(license))
      yield `${title} is under ${license}: read it, then add it to the list or drop the package`
    if (integrity === undefined) yield `${title} has no checksum in the lockfile`
    if (hasInstallScript) yield `${title} runs a script when it is installed`
    for (const { why } of refused.filter((one) => one.name === name && one.bad(version)))
      yield `${title} is refused: ${why}`
  }
}

interface Audit {
  readonly error?: { readonly summary?: string; readonly code?: string }
  readonly message?: string
  readonly metadata?: { readonly vulnerabilities: Readonly<Record<string, number>> }
  readonly vulnerabilities?: Readonly<Record<string, { readonly severity: string; readonly range: string }>>
}

/** Advisories of weight against what is shipped. Where the registry tells none, `undefined`. */
function audit(root: string): readonly string[] | undefined {
  const { vulnerabilities } = askRegistry(root)
  if (!vulnerabilities) return undefined
  return Object.entries(vulnerabilities)
    .filter(([, { severity }]) => severity === 'high' || severity === 'critical')
    .map(([name, { severity, range }]) => `${name} ${range} has a ${severity} advisory: npm audit`)
}

function askRegistry(root: string): Audit {
  const args = ['audit', '--omit=dev', '--json', '--fetch-retries=0', '--fetch-timeout=15000']
  try {
    return JSON.parse(execFileSync('npm', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }))
  } catch (error) {
    // npm exits with 1 both where it found something and where it could not ask; its answer tells which.
    const said = error instanceof Error && 'stdout' in error ? String(error.stdout) : ''
    try {
      return JSON.parse(said)
    } catch {
      return {}
    }
  }
}

if (import.meta.main) {
  const root = join(import.meta.dirname, '..')
  const read = (file: string) => JSON.parse(readFileSync(join(root, file), 'utf8'))
  const advisories = audit(root)
  if (!advisories) console.error('supply chain: the registry told no advisories, so none were looked at')
  const faults = [...faultsIn(read('package.json'), read('package-lock.json')), ...(advisories ?? [])]
  for (const fault of faults) console.error(`supply chain: ${fault}`)
  process.exitCode = faults.length > 0 ? 1 : 0
}
