import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Start of `meshgate --version` ÷ start of bare node on an empty file: medians of interleaved runs.
 * Needs `npm run build`.
 */
export function benchStart(runs = 41): void {
  const folder = mkdtempSync(join(tmpdir(), 'meshgate-start-'))
  try {
    const empty = join(folder, 'empty.mjs')
    writeFileSync(empty, '')
    const cli = join(import.meta.dirname, '../../dist/cli.js')
    const meshgate: number[] = []
    const node: number[] = []
    for (let i = 0; i < runs; i++) {
      node.push(timeOf([empty]))
      meshgate.push(timeOf([cli, '--version']))
    }
    const meshgateMs = median(meshgate)
    const nodeMs = median(node)
    console.log(
      `start: meshgate --version ${meshgateMs.toFixed(0)} ms ÷ node ${nodeMs.toFixed(0)} ms = ${(meshgateMs / nodeMs).toFixed(2)} (goal ≤ 1.8)`,
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function timeOf(args: readonly string[]): number {
  const start = process.hrtime.bigint()
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  return Number(process.hrtime.bigint() - start) / 1e6
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
