import { enforcements } from '../core/enforce.ts'
import { defaultSettings } from '../linkerd/settings.ts'

/** The part of JSON Schema that the configuration uses. */
export type Schema =
  | {
      readonly description: string
      readonly type: 'string'
      readonly enum?: readonly string[]
      readonly default?: string
    }
  | {
      readonly description: string
      readonly type: 'integer'
      readonly minimum: number
      readonly maximum: number
      readonly default?: number
    }
  | { readonly description: string; readonly type: 'boolean'; readonly default?: boolean }
  | {
      readonly description: string
      readonly type: 'array'
      readonly items: Schema
      readonly default?: readonly string[]
    }
  | ObjectSchema

export interface ObjectSchema {
  readonly description: string
  readonly type: 'object'
  readonly properties: Readonly<Record<string, Schema>>
  readonly additionalProperties: false
}

const port = (description: string, value: number): Schema => ({
  description,
  type: 'integer',
  minimum: 1,
  maximum: 65535,
  default: value,
})

const days = (what: string, value: number): Schema => ({
  description: `Days before the end of one of Linkerd's certificates from which it is ${what}.`,
  type: 'integer',
  minimum: 0,
  maximum: 3650,
  default: value,
})

const rule: Schema = {
  description: 'How one rule is enforced.',
  type: 'object',
  additionalProperties: false,
  properties: {
    enforcement: {
      description: 'What a finding does. A denial needs high confidence, otherwise it weakens to a warning.',
      type: 'string',
      enum: enforcements,
    },
    fix: { description: 'Let /mutate apply the fix of this rule.', type: 'boolean', default: false },
  },
}

/**
 * The one schema of the configuration: for the file of `check` and `serve`, for `docs/configuration.md`, and for editors
 * (`docs/configuration.schema.json`). Defaults are stated once, by the code that has them.
 *
 * @param ruleIds every rule there is: another key below `rules` is an error
 */
export function configSchema(ruleIds: readonly string[]): ObjectSchema {
  return {
    description: 'Configuration of meshgate, the same for `check` and `serve`.',
    type: 'object',
    additionalProperties: false,
    properties: {
      ceiling: {
        description: 'Nothing stricter than this happens, whatever a rule says. `warn` is a safe first week.',
        type: 'string',
        enum: enforcements,
        default: 'deny',
      },
      rules: {
        description: 'Per rule. A rule that is not named warns; its `info` findings go to the audit log.',
        type: 'object',
        additionalProperties: false,
        properties: Object.fromEntries(ruleIds.map((id) => [id, rule])),
      },
      suppressDenials: {
        description: 'May an annotation on the object lift a denial? Otherwise it lifts warnings only.',
        type: 'boolean',
        default: false,
      },
      requireInjection: {
        description: 'Namespaces whose Pods must be meshed, whatever their annotations say. `*` is every namespace.',
        type: 'array',
        items: { description: 'A namespace name.', type: 'string' },
        default: defaultSettings.requireInjection,
      },
      linkerd: {
        description: "What is true of your Linkerd. The defaults are Linkerd's own.",
        type: 'object',
        additionalProperties: false,
        properties: {
          transportMode: {
            description: 'Helm value `proxy.outboundTransportMode`.',
            type: 'string',
            enum: ['transport-header', 'transparent'],
            default: defaultSettings.transportMode,
          },
          minor: {
            description: 'Minor release, 18 for 2.18. From 18 on, `appProtocol` of a Service is honoured.',
            type: 'integer',
            minimum: 10,
            maximum: 999,
            default: defaultSettings.minor,
          },
          inboundPort: port('Helm value `proxy.ports.inbound`.', defaultSettings.inboundPort),
          adminPort: port('Helm value `proxy.ports.admin`.', defaultSettings.adminPort),
          controlPort: port('Helm value `proxy.ports.control`.', defaultSettings.controlPort),
          opaquePorts: {
            description: 'Helm value `proxy.opaquePorts`.',
            type: 'string',
            default: defaultSettings.opaquePorts,
          },
          serviceAccountTokenProjection: {
            description: 'Helm value `identity.serviceAccountTokenProjection`.',
            type: 'boolean',
            default: defaultSettings.serviceAccountTokenProjection,
          },
          clusterNetworks: {
            description: 'CIDRs in which Pods may live: the Pod CIDRs, or the Helm value `clusterNetworks`.',
            type: 'array',
            items: { description: 'A CIDR.', type: 'string' },
            default: defaultSettings.clusterNetworks,
          },
          certificateWarningDays: days('a warning', defaultSettings.certificateWarningDays),
          certificateErrorDays: days('an error', defaultSettings.certificateErrorDays),
        },
      },
    },
  }
}
