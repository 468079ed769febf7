import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { formatPath } from '../k8s/json.ts'
import { readDocument } from '../manifests/read-document.ts'
import { type Config, defaultConfig, readConfig } from './config.ts'

/** The configuration cannot be used; the message names file, line and the way out. */
export class ConfigFileError extends Error {
  override readonly name = 'UsageError'
}

/** Where `check` and `serve` look when nothing is said, in each folder from the working directory to the repository's root. */
export const configFileNames = ['.meshgate.yaml', '.meshgate.yml', 'meshgate.yaml'] as const

/** A file of configuration, as it was read. */
export interface ConfigSource {
  readonly file: string
  readonly text: string
}

/**
 * The configuration: from `--config`, else `$MESHGATE_CONFIG`, else the first {@link configFileNames} upwards, else the
 * defaults. One file wins; nothing is merged.
 *
 * @param named the file that was asked for
 * @param ruleIds every rule there is
 * @throws ConfigFileError
 */
export function loadConfig(named: string | undefined, cwd: string, ruleIds: readonly string[]): Config {
  const source = findConfig(named, cwd)
  return source ? parseConfig(source.file, source.text, ruleIds) : defaultConfig
}

/**
 * The file that {@link loadConfig} reads, or undefined for the defaults.
 *
 * @throws ConfigFileError when the file that was asked for cannot be read
 */
export function findConfig(named: string | undefined, cwd: string): ConfigSource | undefined {
  if (named !== undefined) return { file: named, text: read(named) }
  for (let folder = cwd; ; folder = dirname(folder)) {
    for (const name of configFileNames) {
      const file = join(folder, name)
      const text = readIfThere(file)
      if (text !== undefined) return { file, text }
    }
    // In a worktree `.git` is a file.
    if (existsSync(join(folder, '.git')) || dirname(folder) === folder) return undefined
  }
}

/**
 * A configuration from the text of its file.
 *
 * @throws ConfigFileError with every error, each at its line and column
 */
export function parseConfig(file: string, text: string, ruleIds: readonly string[]): Config {
  const read = readDocument(file, text)
  if ('failure' in read)
    throw new ConfigFileError(`${file}:${read.failure.line}:${read.failure.column}: ${read.failure.text}`)
  const result = readConfig(read.value, ruleIds)
  if ('config' in result) return result.config
  const lines = result.errors.map(({ path, text: reason }) => {
    const { line, column } = read.document.place(path)
    return `${file}:${line}:${column}: ${path.length > 0 ? `${formatPath(path)}: ` : ''}${reason}`
  })
  throw new ConfigFileError(lines.join('\n'))
}

function read(file: string): string {
  const text = readIfThere(file)
  if (text === undefined) throw new ConfigFileError(`cannot read the configuration ${file}: there is no such file`)
  return text
}

/** A configuration that is there and cannot be read must not count as none. */
function readIfThere(file: string): string | undefined {
  if (!existsSync(file)) return undefined
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new ConfigFileError(`cannot read the configuration ${file}: ${reason}`)
  }
}
