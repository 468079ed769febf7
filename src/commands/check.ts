import { writeFileSync } from 'node:fs'
import { styleText } from 'node:util'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { atLeast, severities } from '../core/finding.ts'
import { plainText } from '../core/plain-text.ts'
import type { KindName } from '../k8s/kinds.ts'
import { callerKinds } from '../linkerd/certificates/called-service.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'
import { loadPaths } from '../manifests/load.ts'
import type { Loaded } from '../manifests/loading.ts'
import { formatGithub } from '../report/github.ts'
import { formatJson } from '../report/json.ts'
import type { Report } from '../report/report.ts'
import { formatSarif } from '../report/sarif.ts'
import { formatText, type Paint, type Style } from '../report/text.ts'
import { rules } from '../rules/index.ts'
import { version } from '../version.ts'
import { oneOf, readArguments, UsageError } from './arguments.ts'
import { examine } from './examine.ts'
import { diffOf, fixTexts } from './fix-files.ts'
import { suggestionKinds, suggestionsFor, withSuggestionKind } from './suggest.ts'
import { readAll, type World } from './world.ts'

const usage = `meshgate check PATH…

Judges Kubernetes manifests: files, directories (recursive), globs, and - for standard input.
Everything given is judged together: a policy is seen beside its siblings, a Service beside its Pods.

  --format FORMAT      text (default), json, sarif or github; may be repeated
  --output FILE        where the format before it goes; - or nothing is standard output
  --fail-on SEVERITY   error (default), warning, info or never: what makes the exit code 1
  --fix                write the fixes into the files; comments and layout stay
  --diff               print what --fix would change, and change nothing
  --suggest            after the findings, as YAML: the Servers and AuthorizationPolicies that restore authorization
                       by port once the mesh's port is open
  --suggest namespace  …the one NetworkPolicy for a whole namespace that may stand instead of many fixes
  --config FILE        configuration; otherwise .meshgate.yaml here or above
  --assume-meshed      Pods whose namespace is not in the input are meshed
  --assume-unmeshed    …are not meshed
  --color WHEN         auto (default), always or never
  -q, --quiet          say nothing when there is nothing to say
  -h, --help

Exit code: 0 nothing at or above --fail-on; 1 findings; 2 usage, unreadable input, or a rule failed.
`

const formats = ['text', 'json', 'sarif', 'github'] as const
type Format = (typeof formats)[number]

/** `meshgate check`: judges manifests and answers the exit code, which is the same for every format. */
export async function check(args: readonly string[], world: World): Promise<number> {
  const { values, positionals, tokens } = readArguments(withSuggestionKind(args), {
    format: { type: 'string', multiple: true },
    output: { type: 'string', multiple: true },
    'fail-on': { type: 'string', default: 'error' },
    fix: { type: 'boolean', default: false },
    diff: { type: 'boolean', default: false },
    suggest: { type: 'string' },
    config: { type: 'string' },
    'assume-meshed': { type: 'boolean', default: false },
    'assume-unmeshed': { type: 'boolean', default: false },
    color: { type: 'string', default: 'auto' },
    quiet: { type: 'boolean', short: 'q', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  })
  if (values.help) {
    world.stdout.write(usage)
    return 0
  }
  if (positionals.length === 0)
    throw new UsageError('nothing to check; name files or directories, or - for standard input')
  if (values.fix && values.diff) throw new UsageError('--fix and --diff exclude each other: --diff changes nothing')
  if (values.fix && positionals.includes('-'))
    throw new UsageError('standard input cannot be fixed in place; use --diff')
  const failOn = oneOf('--fail-on', values['fail-on'], [...severities, 'never'])
  const color = oneOf('--color', values.color, ['auto', 'always', 'never'])
  const outputs = pairOutputs(tokens)
  if (values.diff && outputs.some(({ format, file }) => file === undefined && format !== 'text'))
    throw new UsageError('--diff goes to standard output; give the other --format an --output FILE')

  const suggest = values.suggest === undefined ? undefined : oneOf('--suggest', values.suggest, suggestionKinds)
  if (suggest !== undefined && (values.diff || !outputs.some(({ format, file }) => format === 'text' && !file)))
    throw new UsageError('--suggest goes with text on standard output; give other formats an --output FILE')

  const config = withAssumption(
    loadConfig(
      values.config ?? (world.env['MESHGATE_CONFIG'] || undefined),
      world.cwd(),
      rules.map((rule) => rule.id),
    ),
    values['assume-meshed'],
    values['assume-unmeshed'],
  )
  const load = async () => withObjects(await loadPaths(positionals, { stdin: () => readAll(world.stdin) }), positionals)
  let loaded = await load()
  const now = (world.now?.() ?? new Date()).getTime()
  const judge = async () => examine(loaded, rules, await withCertificates(config, loaded, now), now)
  let examination = await judge()
  const suggestions = suggest === undefined ? '' : suggestionsFor(suggest, examination.enforced, loaded, config.linkerd)
  if (values.fix || values.diff) {
    const { texts, refused } = fixTexts(loaded, examination.enforced)
    for (const reason of refused) world.stderr.write(`meshgate: not fixed: ${reason}\n`)
    if (values.diff) for (const [file, change] of texts) world.stdout.write(diffOf(file, change))
    else if (texts.size > 0) {
      for (const [file, { after }] of texts) writeFile(file, after)
      loaded = await load()
      examination = await judge()
    }
  }
  notify(loaded, examination.notices, world, values.quiet)

  const { report } = examination
  for (const { format, file } of outputs) {
    if (values.diff && format === 'text' && file === undefined) continue
    const text = render(format, report, painter(color, file === undefined, world), values.quiet)
    if (file === undefined) world.stdout.write(text)
    else writeFile(file, text)
  }
  world.stdout.write(suggestions)
  if (report.failures.length > 0) return 2
  return failOn !== 'never' && report.findings.some((found) => atLeast(found.severity, failOn)) ? 1 : 0
}

/** Each `--format` goes to the `--output` that follows it; the first form without one is for standard output. */
function pairOutputs(tokens: readonly { readonly kind: string; readonly name?: string; readonly value?: unknown }[]) {
  const outputs: { format: Format; file: string | undefined }[] = []
  let pending: string | undefined
  for (const token of tokens) {
    if (token.kind !== 'option') continue
    const value = String(token.value)
    if (token.name === 'format') outputs.push({ format: oneOf('--format', value, formats), file: undefined })
    else if (token.name === 'output') {
      const last = outputs.at(-1)
      if (last === undefined && pending === undefined) pending = value
      else if (last !== undefined && last.file === undefined) last.file = value
      else throw new UsageError(`--output ${value} has no --format before it`)
    }
  }
  if (outputs.length === 0) outputs.push({ format: 'text', file: undefined })
  const [first] = outputs
  if (first && pending !== undefined) {
    if (first.file !== undefined) throw new UsageError(`--output ${pending} has no --format before it`)
    first.file = pending
  }
  for (const output of outputs) if (output.file === '-') output.file = undefined
  if (outputs.filter(({ file }) => file === undefined).length > 1)
    throw new UsageError('only one --format can go to standard output; give the others an --output FILE')
  return outputs
}

function withAssumption(config: Config, meshed: boolean, unmeshed: boolean): Config {
  if (meshed && unmeshed) throw new UsageError('--assume-meshed and --assume-unmeshed exclude each other')
  if (!meshed && !unmeshed) return config
  const assume: LinkerdSettings['assume'] = meshed ? 'meshed' : 'unmeshed'
  return { ...config, linkerd: { ...config.linkerd, assume } }
}

/** Kinds in which there may be a certificate: without any, nobody is needed to read one. */
const certificateKinds: ReadonlySet<KindName> = new Set([...callerKinds, 'Certificate', 'ConfigMap', 'Secret'])

/** With somebody to read certificates, today. */
async function withCertificates(config: Config, { resources }: Loaded, now: number): Promise<Config> {
  if (!resources.some(({ kind }) => certificateKinds.has(kind))) return config
  const { createCertificateWorld } = await import('../pki/certificate-world.ts')
  return { ...config, linkerd: { ...config.linkerd, certificates: createCertificateWorld(() => now) } }
}

/** An input without any object is a failure: a wrong path must not look like a clean one. */
function withObjects(loaded: Loaded, paths: readonly string[]): Loaded {
  if (loaded.objects > 0 || loaded.failures.length > 0) return loaded
  const text = 'holds no Kubernetes object (one has apiVersion and kind)'
  return { ...loaded, failures: [{ file: paths.join(' '), line: 1, column: 1, text }] }
}

function notify(loaded: Loaded, notices: readonly string[], world: World, quiet: boolean): void {
  if (quiet) return
  for (const notice of notices) world.stderr.write(`meshgate: ${plainText(notice)}\n`)
  for (const { file, text } of loaded.notices) world.stderr.write(`meshgate: ${file}: ${text}\n`)
}

function render(format: Format, report: Report, paint: Paint, quiet: boolean): string {
  switch (format) {
    case 'json':
      return formatJson(report)
    case 'sarif':
      return formatSarif(report, rules, version)
    case 'github':
      return formatGithub(report)
    case 'text':
      return formatText(report, { paint, quiet })
  }
}

const colors: Readonly<Record<Style, Parameters<typeof styleText>[0]>> = {
  error: 'red',
  warning: 'yellow',
  info: 'cyan',
  place: 'bold',
  quiet: 'dim',
}

/** `--color` beats FORCE_COLOR, beats NO_COLOR, beats TERM=dumb, beats whether a person is watching. */
function painter(color: 'auto' | 'always' | 'never', toStdout: boolean, { env, stdout }: World): Paint {
  const forced = (env['FORCE_COLOR'] ?? '') !== '' && env['FORCE_COLOR'] !== '0'
  const refused = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb'
  const auto = forced || (!refused && toStdout && stdout.isTTY === true)
  if (color === 'never' || (color === 'auto' && !auto)) return (_, text) => text
  return (style, text) => styleText(colors[style], text, { validateStream: false })
}

function writeFile(file: string, text: string): void {
  try {
    writeFileSync(file, text)
  } catch (error) {
    throw new UsageError(`cannot write ${file}: ${error instanceof Error ? error.message : String(error)}`)
  }
}
