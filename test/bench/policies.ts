import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { load } from 'js-yaml'
import { judge } from '../../src/admission/judge.ts'
import { readReview } from '../../src/admission/review.ts'
import { check } from '../../src/commands/check.ts'
import { defaultConfig } from '../../src/config/config.ts'
import type { Snapshot } from '../../src/core/snapshot.ts'
import { rules } from '../../src/rules/index.ts'
import { dialectReviews, dialectsOf } from './dialects.ts'
import { fillStore, largeCluster, smallCluster } from './made-cluster.ts'
import { benchPass, cpuMsSince } from './pass.ts'
import { deploymentsOf, namespacesOf, policiesOf, reviewKinds, type Wire, type WorldSize } from './scale-world.ts'

/** Policies of every dialect at once: a whole pass, single admissions, and `check` on files. */
export async function benchPolicies(): Promise<void> {
  benchPass({ ...largeCluster, dialects: true })
  admissions()
  for (const policies of [1000, 10_000]) await checkOf(policies)
}

const rounds = 8
const atATime = 30

/** One admission in a large cluster ÷ in a small one, by CPU, the two by turns; of each kind the best round counts. */
function admissions(): void {
  const kinds = { ...reviewKinds, ...dialectReviews }
  const sides = [smallCluster, largeCluster].map((one) => {
    const size = { ...one, dialects: true }
    return { size, snapshot: fillStore(size).snapshot }
  })
  const best = new Map<string, number[]>()
  for (let round = 0; round < rounds; round++)
    for (const [name, make] of Object.entries(kinds))
      for (const [i, { size, snapshot }] of sides.entries()) {
        const known = best.get(name) ?? [Infinity, Infinity]
        const reviews = Array.from({ length: atATime }, (_, at) => make((at * 97) % size.namespaces, round))
        known[i] = Math.min(known[i] ?? Infinity, timeOf(reviews, snapshot))
        best.set(name, known)
      }
  const line = (name: string, [small = 0, large = 0]: readonly number[], goal = '') =>
    console.log(
      `policies: ${name}: ${large.toFixed(0)} µs ÷ ${small.toFixed(0)} µs = ${(large / small).toFixed(2)}${goal}`,
    )
  for (const [name, times] of best) if (Object.hasOwn(dialectReviews, name)) line(name, times)
  const sum = [0, 1].map((side) => best.values().reduce((total, times) => total + (times[side] ?? 0), 0) / best.size)
  line(`one admission, all dialects, ${rules.length} rules`, sum, ' (goal ≤ 1.5)')
}

/** Microseconds of CPU for one. */
function timeOf(reviews: readonly Wire[], snapshot: Snapshot): number {
  const read = reviews.map((one) => {
    const found = readReview(JSON.parse(JSON.stringify(one)))
    if ('reason' in found) throw new Error(found.reason)
    return found.review
  })
  const since = process.cpuUsage()
  for (const review of read) {
    const { failures, doubts } = judge(review, { rules, snapshot, config: defaultConfig, now: 0 })
    if (failures.length > 0 || doubts.length > 0) throw new Error('not judged')
  }
  return (cpuMsSince(since) * 1000) / read.length
}

/** `check` on files with so many policies, their namespaces and workloads: how long, and how much of it merely reads YAML. */
async function checkOf(policies: number): Promise<void> {
  const size: WorldSize = { ...smallCluster, namespaces: policies / 10 }
  const folder = mkdtempSync(join(tmpdir(), 'meshgate-policies-'))
  try {
    const texts: string[] = []
    const write = (objects: Iterable<Wire>) => {
      for (const some of chunks([...objects], 2000)) {
        const text = some.map(yamlOf).join('---\n')
        writeFileSync(join(folder, `${texts.length}.yaml`), text)
        texts.push(text)
      }
    }
    write(namespacesOf(size))
    write(deploymentsOf(size))
    write(policiesOf(size))
    write(dialectsOf('CiliumClusterwideNetworkPolicy', size))
    write(dialectsOf('AdminNetworkPolicy', size))
    const start = performance.now()
    const since = process.cpuUsage()
    let out = ''
    const status = await check([folder, '--format', 'json', '--fail-on', 'never'], {
      stdin: (async function* () {})(),
      stdout: { write: (text) => (out += text) },
      stderr: { write: () => true },
      env: {},
      cwd: () => folder,
    })
    const [wallMs, cpuMs] = [performance.now() - start, cpuMsSince(since)]
    const { summary, failures } = JSON.parse(out)
    if (status !== 0 || failures.length > 0) throw new Error(`check failed: ${status}`)
    const reading = process.cpuUsage()
    for (const text of texts) for (const one of text.split(/^---\n/m)) load(one)
    const yamlMs = cpuMsSince(reading)
    console.log(
      `policies: check of ${policies} policies among ${summary.resources} objects: ${wallMs.toFixed(0)} ms, ${cpuMs.toFixed(0)} ms of CPU, of which YAML ${((100 * yamlMs) / cpuMs).toFixed(0)} %`,
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function* chunks<T>(all: readonly T[], size: number): Generator<readonly T[]> {
  for (let from = 0; from < all.length; from += size) yield all.slice(from, from + size)
}

/** As a person writes it, in blocks. */
function yamlOf(value: unknown): string {
  return `${blockOf(value, '')}\n`
}

function blockOf(value: unknown, indent: string): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const inner = `${indent}  `
  const nested = (one: unknown, glue: string) => {
    const isFilled = one !== null && typeof one === 'object' && Object.keys(one).length > 0
    return isFilled ? `${glue}${blockOf(one, inner)}` : ` ${JSON.stringify(one)}`
  }
  if (Array.isArray(value)) return value.map((one) => `${indent}-${nested(one, '\n')}`).join('\n')
  return Object.entries(value)
    .filter(([, one]) => one !== undefined)
    .map(([key, one]) => `${indent}${JSON.stringify(key)}:${nested(one, '\n')}`)
    .join('\n')
}
