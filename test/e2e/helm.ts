import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { readDocuments } from '../../src/manifests/read-document.ts'
import type { Answer } from './cluster.ts'
import { bin } from './kit.ts'

/* The real helm, and the chart of this repository. */

export const chart: string = join(import.meta.dirname, '../../charts/meshgate')

/** An object of a rendering. */
export interface Rendered {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly annotations?: Readonly<Record<string, string>>
  }
  // Manifests have many shapes, and whoever looks at one knows which.
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly [member: string]: any
}

/** Runs a program of the kit. Without `kubeconfig` it has no cluster. */
export function run(
  program: string,
  args: readonly string[],
  kubeconfig = '/dev/null',
  more: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const env = { PATH: process.env['PATH'], HOME: '/nonexistent', KUBECONFIG: kubeconfig, ...more }
  const options = { encoding: 'utf8' as const, env, maxBuffer: 64 * 1024 * 1024 }
  return new Promise((resolve) => {
    execFile(program, args, options, (error, stdout, stderr) => {
      resolve({ status: error ? Number(error.code ?? 1) : 0, stdout, stderr })
    })
  })
}

/** Runs helm. */
export function helm(args: readonly string[], kubeconfig?: string): Promise<Answer> {
  return run(join(bin, 'helm'), args, kubeconfig)
}

/** `--set-json` for each of these values. */
export function set(values: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(values).map(([path, value]) => `--set-json=${path}=${JSON.stringify(value)}`)
}

/** `helm template`, without the Pod of `helm test`. */
export function render(
  values: Readonly<Record<string, unknown>> = {},
  { release = 'meshgate', namespace = 'meshgate' } = {},
): Promise<Answer> {
  return helm(['template', release, chart, '--namespace', namespace, '--skip-tests', ...set(values)])
}

/** Every object of a rendering. */
export function objectsOf(text: string): Rendered[] {
  return readDocuments('rendered', text).map((read) => {
    if ('failure' in read) throw new Error(read.failure.text)
    return read.value as Rendered
  })
}

/** The one object of this kind, and of this name if there are several. */
export function the(objects: readonly Rendered[], kind: string, name?: string, namespace?: string): Rendered {
  const found = objects.filter(
    (object) =>
      object.kind === kind &&
      (name === undefined || object.metadata.name === name) &&
      (namespace === undefined || object.metadata.namespace === namespace),
  )
  const [one] = found
  if (one === undefined || found.length > 1) throw new Error(`${found.length} of ${kind} ${name ?? ''}`)
  return one
}
