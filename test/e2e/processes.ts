import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { dirname } from 'node:path'

/** Starts a program beside its log: a file, to which it appends what it says. */
export function startLogged(program: string, args: readonly string[], logFile: string): ChildProcess {
  const log = openSync(logFile, 'a')
  const child = spawn(program, args, { cwd: dirname(logFile), stdio: ['ignore', log, log] })
  closeSync(log)
  return child
}

export function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null
}

/** Resolves when it has ended: to its exit code, or to the signal that ended it. */
export function ended(child: ChildProcess): Promise<number | string> {
  const how = () => child.exitCode ?? child.signalCode ?? ''
  if (!isRunning(child)) return Promise.resolve(how())
  return new Promise((resolve) => child.once('exit', () => resolve(how())))
}

/** Asks it to end, also if it stands still; what hangs all the same is killed. */
export async function end(child: ChildProcess, graceMs: number): Promise<void> {
  child.kill('SIGTERM')
  child.kill('SIGCONT')
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
  await ended(child)
  clearTimeout(timer)
}
