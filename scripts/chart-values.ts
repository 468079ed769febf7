import { mutatingWebhooks, validatingWebhooks } from '../src/admission/registration.ts'
import { isObject } from '../src/k8s/json.ts'
import { renderYaml } from '../src/manifests/render-yaml.ts'
import { rules } from '../src/rules/index.ts'
import type { PublishedSchema } from './published-schema.ts'

/*
 * The chart's values, once: values.yaml with its comments, and values.schema.json, both follow from here.
 */

/** A value, or a map of values. What has a default is written as it is; what has none is a map. */
interface Value {
  readonly description: string
  readonly properties?: Readonly<Record<string, Value>>
  readonly default?: unknown
  readonly [keyword: string]: unknown
}

const map = (description: string, properties: Readonly<Record<string, Value>>): Value => ({
  description,
  type: 'object',
  additionalProperties: false,
  properties,
})
const text = (description: string, fallback = '', more: object = {}): Value => ({
  description,
  type: 'string',
  ...more,
  default: fallback,
})
const word = (description: string, words: readonly string[], fallback: string): Value =>
  text(description, fallback, { enum: words })
const flag = (description: string, fallback: boolean): Value => ({ description, type: 'boolean', default: fallback })
const integer = (description: string, minimum: number, maximum: number, fallback: number): Value => ({
  description,
  type: 'integer',
  minimum,
  maximum,
  default: fallback,
})
const texts = (description: string, fallback: readonly string[] = [], more: object = {}): Value => ({
  description,
  type: 'array',
  items: { type: 'string', ...more },
  default: fallback,
})
/** As Kubernetes has it: its own schema judges what is in there. */
const kubernetes = (description: string, fallback: object = {}): Value => ({
  description,
  type: Array.isArray(fallback) ? 'array' : 'object',
  default: fallback,
})
const labels = (description: string, fallback: Readonly<Record<string, string>> = {}): Value => ({
  description,
  type: 'object',
  additionalProperties: { type: 'string' },
  default: fallback,
})
/** Whole hours: cert-manager takes more, but durations must be comparable in a template. */
const hours = (description: string, fallback: string): Value =>
  text(description, fallback, { pattern: '^[1-9][0-9]*h$' })

const generated = new Map(
  [...validatingWebhooks(rules), ...mutatingWebhooks(rules)].map((entry) => [entry.name, entry]),
)

function entry(name: string, description: string, { mayFail }: { readonly mayFail: boolean }): Value {
  const { timeoutSeconds = 5, failurePolicy = 'Ignore' } = generated.get(name) ?? {}
  const timeout = integer('Seconds that the API server waits for a verdict.', 1, 10, timeoutSeconds)
  const policy = word('When no verdict comes: Fail refuses, Ignore lets pass.', ['Fail', 'Ignore'], failurePolicy)
  return map(description, mayFail ? { failurePolicy: policy, timeoutSeconds: timeout } : { timeoutSeconds: timeout })
}

const monitor = (what: string): Value =>
  map(`${what} for the Prometheus operator.`, {
    enabled: flag(`Make the ${what}.`, false),
    interval: text('How often to scrape.', '30s', { pattern: '^[0-9]+(ms|s|m)$' }),
    labels: labels('What your Prometheus selects it by.'),
  })

const values: Readonly<Record<string, Value>> = {
  config: {
    description:
      'The configuration: exactly what a configuration file holds, see docs/configuration.md. A change is in force within two minutes, without a restart. `{ceiling: audit}` is a quiet first week.',
    default: {},
  },
  replicaCount: integer('Pods that answer.', 1, 20, 2),
  image: map('The image.', {
    repository: text('Registry and name. No registry has it yet: build it from the Dockerfile.', 'meshgate', {
      minLength: 1,
    }),
    tag: text("Empty: the chart's appVersion."),
    digest: text('`sha256:…`; wins over the tag.', '', { pattern: '^(sha256:[0-9a-f]{64})?$' }),
    pullPolicy: word('When to pull it.', ['Always', 'IfNotPresent', 'Never'], 'IfNotPresent'),
  }),
  imagePullSecrets: kubernetes('As in a Pod: `[{name: …}]`.', []),
  fullnameOverride: text('What everything is called; otherwise after the release.', '', { maxLength: 52 }),
  commonLabels: labels('Labels of every object.'),
  tls: map('The certificate that the API server checks.', {
    mode: word(
      'certManager: cert-manager issues and renews it. self: meshgate makes it and looks after it. secret: you do.',
      ['certManager', 'self', 'secret'],
      'certManager',
    ),
    certManager: map('For mode certManager.', {
      issuerRef: map('Who signs. Without a name, the chart makes a CA of its own.', {
        name: text('Must put its CA into `ca.crt`: ACME does not.'),
        kind: word('What it is.', ['Issuer', 'ClusterIssuer'], 'Issuer'),
        group: text('Its API group.', 'cert-manager.io', { minLength: 1 }),
      }),
      duration: hours('How long a certificate lasts.', '2160h'),
      renewBefore: hours('How long before its end it is renewed.', '720h'),
      ca: map("The chart's own CA. It is renewed while any certificate that it signed may still be in use.", {
        duration: hours('How long it lasts.', '87600h'),
        renewBefore: hours('How long before its end it is renewed; more than the duration above.', '8760h'),
      }),
    }),
    secret: map('For mode secret: a Secret of type kubernetes.io/tls in the namespace of the release.', {
      name: text('Its name.'),
      injectCa: flag(
        'Let cert-manager\'s cainjector copy `ca.crt` from it; it must carry cert-manager.io/allow-direct-injection: "true". Otherwise you put the CA into the two webhook configurations.',
        false,
      ),
    }),
  }),
  clientCertificates: map(
    'Let only who has a client certificate ask for verdicts. API servers must be told to send one.',
    {
      configMap: text('A ConfigMap with the CA in `ca.crt`. Empty: everybody may ask.'),
      names: texts('Common names that are let in.'),
    },
  ),
  webhooks: map('What the API server does. What it asks about follows from the rules.', {
    policy: entry('policy.validate.meshgate.dev', 'Network policies, Servers, routes.', { mayFail: true }),
    workload: entry(
      'workload.validate.meshgate.dev',
      'Workloads, Pods, Services, Namespaces, certificates. Fail needs two replicas and the PodDisruptionBudget.',
      { mayFail: true },
    ),
    removal: entry('removal.validate.meshgate.dev', 'Removals. They are never stopped.', { mayFail: false }),
    mutate: entry('mutate.meshgate.dev', 'Fixes. Nothing waits for them.', { mayFail: false }),
    excludeNamespaces: texts(
      "Namespaces that are never asked about, besides kube-system and its like, cert-manager's, Linkerd's and the release's.",
      [],
      { pattern: '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$' },
    ),
  }),
  linkerd: map('How the Pods of meshgate stand to the mesh.', {
    meshed: flag('Give them a proxy, with the webhook port skipped: the API server is outside the mesh.', false),
  }),
  port: integer(
    'Where Pods listen for the API server. GKE lets private clusters reach 10250 by default.',
    1,
    65535,
    8443,
  ),
  drainSeconds: integer('How long a Pod goes on answering after it was told to stop.', 0, 120, 10),
  resources: kubernetes('No CPU limit: throttling is seen as timeouts.', {
    requests: { cpu: '100m', memory: '192Mi' },
    limits: { memory: '512Mi' },
  }),
  podDisruptionBudget: map('How many Pods may be away on purpose.', {
    enabled: flag('Make one.', true),
    maxUnavailable: integer('At most so many.', 1, 19, 1),
  }),
  topologySpreadConstraints: kubernetes('Empty: spread over nodes and zones where that is possible.', []),
  affinity: kubernetes('As in a Pod.'),
  nodeSelector: labels('As in a Pod.', { 'kubernetes.io/os': 'linux' }),
  tolerations: kubernetes('As in a Pod.', []),
  priorityClassName: text('Policies are refused while no Pod runs.', 'system-cluster-critical'),
  podLabels: labels('More labels of the Pods.'),
  podAnnotations: labels('More annotations of the Pods.'),
  podSecurityContext: kubernetes('Satisfies Pod Security `restricted`.', {
    runAsNonRoot: true,
    runAsUser: 65532,
    runAsGroup: 65532,
    fsGroup: 65532,
    seccompProfile: { type: 'RuntimeDefault' },
  }),
  securityContext: kubernetes('Satisfies Pod Security `restricted`.', {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  }),
  extraArgs: texts('More arguments of `meshgate serve`; `--host=::` where Pods have IPv6 addresses only.'),
  extraEnv: kubernetes('More environment, as in a container.', []),
  rbac: map('Rights.', {
    create: flag('Make roles and bindings.', true),
    linkerd: flag("Also in the namespace of Linkerd's control plane, which must exist: to read its settings.", true),
  }),
  serviceAccount: map('Who the Pods are.', {
    create: flag('Make it.', true),
    name: text('Empty: called like everything else.'),
    annotations: labels('Its annotations.'),
  }),
  networkPolicy: map('A NetworkPolicy for the Pods.', {
    enabled: flag('Make one.', false),
    apiServerCidrs: texts('Where API servers call from: node, konnectivity or NAT addresses. Empty: anywhere.'),
    apiServerPorts: {
      description: 'Ports on which API servers listen.',
      type: 'array',
      minItems: 1,
      items: { type: 'integer', minimum: 1, maximum: 65535 },
      default: [443, 6443],
    },
    metricsFrom: kubernetes('Who may scrape, as `from` of a NetworkPolicy. Empty: anybody.', []),
  }),
  metrics: map('What Prometheus and Grafana get.', {
    serviceMonitor: monitor('ServiceMonitor'),
    podMonitor: monitor('PodMonitor'),
    prometheusRule: map('The alerts of docs/operations.md, for the Prometheus operator.', {
      enabled: flag('Make the PrometheusRule.', false),
      labels: labels('What your Prometheus selects it by.'),
    }),
    dashboard: map('A Grafana dashboard.', {
      enabled: flag('Make its ConfigMap.', false),
      labels: labels("What Grafana's sidecar selects it by.", { grafana_dashboard: '1' }),
    }),
  }),
}

/** `values.schema.json`: what is not known is an error, and `config` is the configuration's own schema. */
export function valuesSchema({ schema, $defs }: PublishedSchema): object {
  return {
    title: 'Values of meshgate',
    type: 'object',
    additionalProperties: false,
    // What Helm itself hands to every chart.
    properties: { global: { type: 'object' }, ...values, config: { ...schema, default: {} } },
    $defs,
  }
}

/** `values.yaml`: every value with its default, below what it is for. */
export function valuesYaml(): string {
  return `# Values of meshgate, with their defaults. Written by npm run generate.\n\n${sections(values, '').join('\n')}`
}

function sections(properties: Readonly<Record<string, Value>>, indent: string): string[] {
  return Object.entries(properties).map(([key, { description, ...value }]) => {
    const comment = wrap(description, 100 - indent.length).map((line) => `${indent}# ${line}\n`)
    const below = value.properties
      ? `${indent}${key}:\n${sections(value.properties, `${indent}  `).join('')}`
      : renderYaml({ [key]: value.default }).replaceAll(/^(?=.)/gm, indent)
    return comment.join('') + below
  })
}

function wrap(words: string, width: number): string[] {
  const lines: string[] = []
  for (const one of words.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + one.length < width) lines[lines.length - 1] = `${last} ${one}`
    else lines.push(one)
  }
  return lines
}

/** Every default, as Helm reads it from values.yaml. */
export function defaultValues(from: Readonly<Record<string, Value>> = values): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(from).map(([key, { properties, default: value }]) => [
      key,
      isObject(properties) ? defaultValues(properties) : value,
    ]),
  )
}
