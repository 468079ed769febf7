import { loadConfig } from '../config/load.ts'
import { snapshotOf } from '../core/snapshot.ts'
import { viewOf } from '../core/view.ts'
import type { Resource } from '../k8s/resource.ts'
import { settingsAmong } from '../linkerd/injection/injector-reach.ts'
import { inboundReads } from '../linkerd/protocols/inbound-protocol.ts'
import { type PortStory, portStoryOf } from '../linkerd/protocols/port-story.ts'
import { loadPaths } from '../manifests/load.ts'
import type { Loaded } from '../manifests/loading.ts'
import { formatStoryJson, formatStoryText } from '../report/port-story.ts'
import { rules } from '../rules/index.ts'
import { oneOf, UsageError } from './arguments.ts'
import { sourceOf } from './examine.ts'
import { readAll, type World } from './world.ts'

/** What to explain, as it was typed. */
export interface PortQuestion {
  /** `SERVICE:PORT`, or `NAMESPACE/SERVICE:PORT`. */
  readonly port: string
  readonly paths: readonly string[]
  readonly format: string
  readonly config: string | undefined
  readonly assumeUnmeshed: boolean
}

/**
 * `meshgate explain --port`: what each side knows of a Service's port, and what connections experience. Where a Namespace
 * is not in the input, its Pods are taken to be in the mesh: that is what the question is about.
 *
 * @returns 0, or 2 where something could not be read
 */
export async function explainPort(question: PortQuestion, world: World): Promise<number> {
  const { name, port } = readPort(question.port)
  const format = oneOf('--format', question.format, ['text', 'json'])
  const config = loadConfig(
    question.config ?? (world.env['MESHGATE_CONFIG'] || undefined),
    world.cwd(),
    rules.map((rule) => rule.id),
  )
  const loaded = await loadPaths(question.paths.length > 0 ? question.paths : ['.'], {
    stdin: () => readAll(world.stdin),
  })
  for (const { file, line, column, text } of loaded.failures)
    world.stderr.write(`meshgate: ${file}:${line}:${column}: ${text}\n`)
  const assume = question.assumeUnmeshed ? 'unmeshed' : 'meshed'
  const snapshot = snapshotOf(loaded.resources, 'input')
  const settings = settingsAmong(snapshot, { ...config.linkerd, assume }, 'declared')
  const view = viewOf(snapshot, [...inboundReads, 'Service'], settings, 'declared')
  const service = findService(name, view.all('Service'))
  const story = portStoryOf(service, port, view)
  for (const namespace of namespacesOf(story))
    if (!view.all('Namespace').some((one) => one.name === namespace))
      world.stderr.write(
        `meshgate: Namespace ${namespace} is not in the input; its Pods are taken to be ${assume}, unless they say otherwise\n`,
      )
  const placeOf = (place: Parameters<typeof sourceIn>[1]) => sourceIn(loaded, place)
  world.stdout.write(format === 'json' ? formatStoryJson(story, placeOf) : formatStoryText(story, placeOf))
  return loaded.failures.length > 0 ? 2 : 0
}

function readPort(text: string): { name: string; port: number } {
  const [, name, digits] = /^((?:[^:/]+\/)?[^:/]+):(\d{1,5})$/.exec(text) ?? []
  const port = Number(digits)
  if (name === undefined || port < 1 || port > 65535)
    throw new UsageError(`--port takes SERVICE:PORT or NAMESPACE/SERVICE:PORT, not ${JSON.stringify(text)}`)
  return { name, port }
}

function findService(wanted: string, services: readonly Resource<'Service'>[]): Resource<'Service'> {
  const slash = wanted.indexOf('/')
  const [namespace, name] = slash < 0 ? [undefined, wanted] : [wanted.slice(0, slash), wanted.slice(slash + 1)]
  const found = services.filter((one) => one.name === name && (namespace === undefined || one.namespace === namespace))
  const [first, ...more] = found
  if (!first) {
    const known = services.map((one) => `${one.namespace}/${one.name}`)
    const some = known.slice(0, 10).join(', ') + (known.length > 10 ? `, and ${known.length - 10} more` : '')
    throw new UsageError(`there is no Service ${wanted} in the input${known.length > 0 ? `; there are ${some}` : ''}`)
  }
  if (more.length > 0)
    throw new UsageError(
      `there are several: ${found.map((one) => `${one.namespace}/${one.name}`).join(', ')}; name the namespace, and files that hold it once`,
    )
  return first
}

function namespacesOf({ service, servers }: PortStory): ReadonlySet<string> {
  return new Set([service.namespace, ...servers.map(({ pod }) => pod.namespace)])
}

/** `file:line` of a fact. */
function sourceIn(
  loaded: Loaded,
  place: PortStory['client'][number]['place'],
): { file: string; line: number } | undefined {
  if (!place) return undefined
  const { document, prefix } = sourceOf(loaded, place.resource)
  const { line } = document.place([...prefix, ...place.path])
  return { file: document.file, line }
}
