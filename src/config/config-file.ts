import type { Enforcement } from '../core/enforce.ts'
import type { Exemption } from '../core/exemption.ts'
import type { NamespacePattern } from '../core/namespace-pattern.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'
import type { ProtocolEntry } from './added-protocols.ts'

/** A file that has passed the schema ({@link file://./schema.ts}). `test/config` holds both against each other. */
export interface ConfigFile {
  readonly ceiling?: Enforcement
  readonly rules?: Readonly<Record<string, RuleEntry>>
  readonly exemptions?: readonly ExemptionEntry[]
  readonly suppressDenials?: boolean
  readonly requireInjection?: readonly NamespacePattern[]
  readonly protocols?: readonly ProtocolEntry[]
  readonly linkerd?: Partial<
    Omit<LinkerdSettings, 'requireInjection' | 'protocols' | 'assume' | 'injector' | 'certificates'>
  >
}

interface RuleEntry {
  readonly enforcement?: Enforcement
  readonly fix?: boolean
  readonly namespaces?: readonly NamespaceEntry[]
}

export type NamespaceEntry = { readonly enforcement: Enforcement } & (
  | { readonly names: readonly string[] }
  | Exclude<NamespacePattern, string>
)

export type ExemptionEntry = Omit<Exemption, 'expires'> & { readonly expires?: string }
