import { execFile } from 'node:child_process'
import { join } from 'node:path'
import type { Flood, FloodReport } from './flood.ts'

/** Runs flood.ts in a process of its own, and waits for its end. */
export function flood(client: Flood): Promise<FloodReport> {
  const args = [join(import.meta.dirname, 'flood.ts'), JSON.stringify(client)]
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, (error, stdout) => (error ? reject(error) : resolve(JSON.parse(stdout))))
  })
}
