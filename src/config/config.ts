import type { EnforcementPolicy, NamespaceEnforcement } from '../core/enforce.ts'
import type { Exemption } from '../core/exemption.ts'
import { isObject } from '../k8s/json.ts'
import { defaultSettings, type LinkerdSettings } from '../linkerd/settings.ts'
import { protocolFrom } from './added-protocols.ts'
import type { ConfigFile, ExemptionEntry, NamespaceEntry } from './config-file.ts'
import { contradictions } from './contradictions.ts'
import { readExpiry } from './expiry.ts'
import { configSchema } from './schema.ts'
import { type ConfigError, validate } from './validate.ts'

/** What a configuration file decides. The same for every door. */
export interface Config {
  readonly enforcement: EnforcementPolicy
  /** Ids of the rules whose fixes the mutating webhook applies. */
  readonly fix: ReadonlySet<string>
  readonly linkerd: LinkerdSettings
  /** Of these, what the file says itself: it holds against what a cluster says. */
  readonly linkerdSaid: Partial<LinkerdSettings>
}

export const defaultConfig: Config = {
  enforcement: { ceiling: 'deny', rules: new Map(), suppressDenials: false, exemptions: [] },
  fix: new Set(),
  linkerd: defaultSettings,
  linkerdSaid: {},
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
  const spelled = withOff(value)
  const misfits = validate(configSchema(ruleIds), spelled)
  if (misfits.length > 0) return { errors: misfits }
  const file = spelled as ConfigFile
  const errors = contradictions(file)
  if (errors.length > 0) return { errors }
  const perRule = Object.entries(file.rules ?? {})
  const said: Partial<LinkerdSettings> = {
    ...file.linkerd,
    ...(file.requireInjection ? { requireInjection: file.requireInjection } : {}),
    ...(file.protocols ? { protocols: file.protocols.map(protocolFrom) } : {}),
  }
  return {
    config: {
      enforcement: {
        ceiling: file.ceiling ?? defaultConfig.enforcement.ceiling,
        rules: new Map(
          perRule.map(([id, { enforcement, namespaces }]) => [
            id,
            { enforcement, namespaces: namespaces?.map(entryOf) },
          ]),
        ),
        suppressDenials: file.suppressDenials ?? defaultConfig.enforcement.suppressDenials,
        exemptions: (file.exemptions ?? []).map(exemptionFrom),
      },
      fix: new Set(perRule.filter(([, rule]) => rule.fix).map(([id]) => id)),
      linkerd: { ...defaultSettings, ...said },
      linkerdSaid: said,
    },
  }
}

function entryOf(entry: NamespaceEntry): NamespaceEnforcement {
  const patterns = 'names' in entry ? entry.names : [{ selector: entry.selector }]
  return { patterns, enforcement: entry.enforcement }
}

function exemptionFrom({ expires, ...entry }: ExemptionEntry): Exemption {
  return expires === undefined ? entry : { ...entry, expires: { text: expires, at: readExpiry(expires) ?? 0 } }
}

/**
 * The value with `off` where an enforcement is the boolean false: so YAML 1.1 reads `off`, here and in every template that
 * was rendered on the way.
 */
function withOff(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withOff)
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [
      key,
      member === false && (key === 'enforcement' || key === 'ceiling') ? 'off' : withOff(member),
    ]),
  )
}
