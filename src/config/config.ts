import type { Enforcement, EnforcementPolicy } from '../core/enforce.ts'
import { defaultSettings, type LinkerdSettings } from '../linkerd/settings.ts'
import { configSchema } from './schema.ts'
import { type ConfigError, validate } from './validate.ts'

/** What a configuration file decides. The same for every door. */
export interface Config {
  readonly enforcement: EnforcementPolicy
  /** Ids of the rules whose fixes the mutating webhook applies. */
  readonly fix: ReadonlySet<string>
  readonly linkerd: LinkerdSettings
}

export const defaultConfig: Config = {
  enforcement: { ceiling: 'deny', rules: new Map(), suppressDenials: false },
  fix: new Set(),
  linkerd: defaultSettings,
}

/**
 * A configuration from a parsed file. An empty file is the default configuration.
 *
 * @param ruleIds every rule there is
 */
export function readConfig(
  value: unknown,
  ruleIds: readonly string[],
): { readonly config: Config } | { readonly errors: readonly ConfigError[] } {
  if (value === null || value === undefined) return { config: defaultConfig }
  const errors = validate(configSchema(ruleIds), value)
  if (errors.length > 0) return { errors }
  const file = value as ConfigFile
  const perRule = Object.entries(file.rules ?? {})
  return {
    config: {
      enforcement: {
        ceiling: file.ceiling ?? defaultConfig.enforcement.ceiling,
        rules: new Map(perRule.flatMap(([id, rule]) => (rule.enforcement ? [[id, rule.enforcement] as const] : []))),
        suppressDenials: file.suppressDenials ?? defaultConfig.enforcement.suppressDenials,
      },
      fix: new Set(perRule.filter(([, rule]) => rule.fix).map(([id]) => id)),
      linkerd: {
        ...defaultSettings,
        ...file.linkerd,
        requireInjection: file.requireInjection ?? defaultSettings.requireInjection,
      },
    },
  }
}

/** A file that has passed {@link configSchema}. `test/config` holds both against each other. */
interface ConfigFile {
  readonly ceiling?: Enforcement
  readonly rules?: Readonly<Record<string, { readonly enforcement?: Enforcement; readonly fix?: boolean }>>
  readonly suppressDenials?: boolean
  readonly requireInjection?: readonly string[]
  readonly linkerd?: Partial<Omit<LinkerdSettings, 'requireInjection' | 'assume' | 'certificates'>>
}
