import { enforcements } from '../core/enforce.ts'
import { defaultSettings } from '../linkerd/settings.ts'
import { protocolsSchema } from './added-protocols.ts'
import type { ObjectSchema, Schema, TextSchema } from './json-schema.ts'

const port = (description: string, value: number): Schema => ({
  description,
  type: 'integer',
  minimum: 1,
  maximum: 65535,
  default: value,
})

const notBlank = '\\S'

/** Also catches an upper-case letter, a `!` and a `${VAR}`, none of which ever matches. */
const namespaceName: TextSchema = {
  description: 'A namespace name; `*` stands for any characters, `?` for one.',
  type: 'string',
  pattern: '^[a-z0-9*?-]+$',
  examples: ['shop', 'team-*'],
}

const labelSelector: ObjectSchema = {
  title: 'label selector',
  description: "Labels of the Namespace, in Kubernetes' own form. A Namespace that is not known matches none.",
  type: 'object',
  additionalProperties: false,
  properties: {
    matchLabels: {
      description: 'Labels with exactly these values.',
      type: 'object',
      additionalProperties: { description: 'A value.', type: 'string' },
    },
    matchExpressions: {
      description: 'Conditions that must all hold.',
      type: 'array',
      items: {
        description: 'A condition on one label.',
        type: 'object',
        additionalProperties: false,
        required: ['key', 'operator'],
        properties: {
          key: { description: 'The label.', type: 'string', pattern: notBlank, examples: ['env'] },
          operator: {
            description: 'How it is compared.',
            type: 'string',
            enum: ['In', 'NotIn', 'Exists', 'DoesNotExist'],
          },
          values: {
            description: 'For In and NotIn.',
            type: 'array',
            items: { description: 'A value.', type: 'string' },
          },
        },
      },
    },
  },
}

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
    namespaces: {
      description: 'Something else for some namespaces. The first entry that matches decides.',
      type: 'array',
      items: {
        description: 'What a finding does in these namespaces.',
        type: 'object',
        additionalProperties: false,
        required: ['enforcement'],
        oneOf: [{ required: ['names'] }, { required: ['selector'] }],
        properties: {
          names: {
            description: 'Which namespaces, by name. Either this or `selector`.',
            type: 'array',
            items: namespaceName,
          },
          selector: labelSelector,
          enforcement: { description: 'What a finding does there.', type: 'string', enum: enforcements },
        },
      },
    },
  },
}

/** What recurs. Where a schema is published, it is there once. */
export const sharedSchemas: Readonly<Record<string, Schema>> = { rule, labelSelector }

const exemption = (ruleIds: readonly string[]): ObjectSchema => ({
  description: 'A defect that is known and let be.',
  type: 'object',
  additionalProperties: false,
  required: ['rule', 'reason'],
  properties: {
    rule: { title: 'id of a rule', description: 'Which rule.', type: 'string', enum: ruleIds },
    namespace: { ...namespaceName, description: 'Name of the namespace, with `*` and `?`. Without it, every one.' },
    name: {
      description: 'Name of the object, with `*` and `?`. Without it, every one.',
      type: 'string',
      pattern: notBlank,
      examples: ['web', 'web-*'],
    },
    reason: { description: 'Why.', type: 'string', pattern: notBlank, examples: ['legacy clients, see TICKET-12'] },
    owner: { description: 'Who can extend or end it.', type: 'string', pattern: notBlank, examples: ['team-shop'] },
    expires: {
      description:
        'Its last day, in UTC, or the moment it ends (RFC 3339). Then the findings return; 14 days before, whoever profits is told.',
      type: 'string',
      pattern: '^\\d{4}-\\d\\d-\\d\\d([Tt]\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?([Zz]|[+-]\\d\\d:\\d\\d))?$',
      examples: ['2027-01-31', '2027-01-31T12:00:00Z'],
    },
  },
})

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
      exemptions: {
        description: 'Defects that are known and let be, also where they would be denied.',
        type: 'array',
        items: exemption(ruleIds),
        default: [],
      },
      suppressDenials: {
        description: 'May an annotation on the object lift a denial? Otherwise it lifts warnings only.',
        type: 'boolean',
        default: false,
      },
      requireInjection: {
        description: 'Namespaces whose Pods must be meshed, whatever their annotations say. `*` is every namespace.',
        type: 'array',
        items: {
          description: 'A namespace name, with `*` and `?`, or a `selector` of labels.',
          anyOf: [
            namespaceName,
            {
              description: 'By the labels of the Namespace.',
              type: 'object',
              additionalProperties: false,
              required: ['selector'],
              properties: { selector: labelSelector },
            },
          ],
        },
        default: [],
      },
      protocols: protocolsSchema,
      linkerd: {
        description: "What is true of your Linkerd. The defaults are Linkerd's own.",
        type: 'object',
        additionalProperties: false,
        properties: {
          controlPlaneNamespace: {
            description: 'The namespace of the control plane.',
            type: 'string',
            default: defaultSettings.controlPlaneNamespace,
          },
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
          cniEnabled: {
            description: 'Helm value `cniEnabled`: the CNI plugin redirects traffic, not linkerd-init.',
            type: 'boolean',
            default: defaultSettings.cniEnabled,
          },
          nativeSidecar: {
            description: 'Helm value `proxy.nativeSidecar`. By the release, it is on since 2.20.',
            type: 'string',
            enum: ['by-release', 'enabled', 'disabled'],
            default: defaultSettings.nativeSidecar,
          },
          proxyInitRunAsRoot: {
            description: 'Helm value `proxyInit.runAsRoot`.',
            type: 'boolean',
            default: defaultSettings.proxyInitRunAsRoot,
          },
          nextMinor: {
            description: 'Minor release of the next upgrade: `upgrade-changes-injection` says what it will change.',
            type: 'integer',
            minimum: 10,
            maximum: 999,
            default: defaultSettings.nextMinor,
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
