import { readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { jsonEqual } from '../k8s/json.ts'
import type { Config } from './config.ts'
import { type ConfigSource, parseConfig } from './load.ts'

/** What a look at the file led to. */
export type ConfigReload =
  | { readonly result: 'unchanged' | 'success' }
  | {
      readonly result: 'missing' | 'unreadable' | 'invalid'
      readonly message: string
      /** False when the same was said at the look before. */
      readonly news: boolean
    }

/** A configuration that follows its file. */
export interface LiveConfig {
  /** The last one that was good. */
  readonly current: Config
  /** Looks at the file now. Never throws. */
  poll(): Promise<ConfigReload>
}

/** A file that is written in place is read again after this time: half of it might be good YAML with half of the rules. */
const settleMs = 100

/**
 * Follows a configuration file. What is wrong or gone is told of, and the last good configuration stays in force: a typo
 * must not turn into denials, nor into their absence.
 *
 * The file is polled, not watched: a watch on a file in the kubelet's volume fires for the first change and never again.
 *
 * @param source the file as it was read for `config`; without one there is nothing to follow
 * @param ruleIds every rule there is
 */
export function followConfig(config: Config, source: ConfigSource | undefined, ruleIds: readonly string[]): LiveConfig {
  let current = config
  let inForce = source?.text
  let refused: string | undefined
  const refuse = (result: 'missing' | 'unreadable' | 'invalid', message: string): ConfigReload => {
    const news = refused !== message
    refused = message
    return { result, message, news }
  }
  return {
    get current() {
      return current
    },
    async poll() {
      if (source === undefined) return { result: 'unchanged' }
      const { file } = source
      let text: string | undefined
      try {
        text = await readSettled(file, inForce)
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error)
        const gone = (error as { code?: unknown } | null)?.code === 'ENOENT'
        return gone ? refuse('missing', `${file} is gone`) : refuse('unreadable', `cannot read ${file}: ${reason}`)
      }
      if (text === inForce) {
        const back = refused !== undefined
        refused = undefined
        return { result: back ? 'success' : 'unchanged' }
      }
      try {
        current = keepSettings(current, parseConfig(file, text, ruleIds))
      } catch (error) {
        return refuse('invalid', error instanceof Error ? error.message : String(error))
      }
      inForce = text
      refused = undefined
      return { result: 'success' }
    },
  }
}

/**
 * The text of a file that is not being written. In a volume the kubelet swaps the link `..data`: whatever is read there is
 * whole. Elsewhere a new text counts once it is read twice.
 */
async function readSettled(file: string, known: string | undefined): Promise<string> {
  let text = await readFile(file, 'utf8')
  if (text === known || (await isVolume(dirname(file)))) return text
  for (let attempt = 0; attempt < 5; attempt++) {
    await pause(settleMs)
    const again = await readFile(file, 'utf8')
    if (again === text) return text
    text = again
  }
  throw new Error('it keeps changing while it is read')
}

async function isVolume(folder: string): Promise<boolean> {
  try {
    return (await stat(join(folder, '..data'))).isDirectory()
  } catch {
    return false
  }
}

/** What was derived under the same settings still holds: equal ones stay the very same object. */
function keepSettings(before: Config, after: Config): Config {
  return jsonEqual(before.linkerd, after.linkerd) ? { ...after, linkerd: before.linkerd } : after
}
