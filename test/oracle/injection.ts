import type { ObjectMeta } from '../../src/k8s/spec-shapes.ts'
import { injectedFaults, portClashes } from '../../src/linkerd/injection/injected-faults.ts'
import { skipReasons } from '../../src/linkerd/injection/injection.ts'
import { type Injection, predictInjection } from '../../src/linkerd/injection/predict-injection.ts'
import { podOwner } from '../../src/linkerd/pods/pod-owner.ts'
import type { LinkerdSettings } from '../../src/linkerd/settings.ts'
import { admittedPod } from './admitted-pod.ts'
import { ourVerdict, recordedVerdict } from './api-server-verdict.ts'
import { plainProxy, recordedProxy } from './recorded-proxy.ts'
import { compareRecords, settingsOf } from './records.ts'

/*
 * node test/oracle/injection.ts FILE…: does our model do with every Pod what the real injector did? The whole record is
 * compared:
 *
 * - the outcome, every reason with its text in the injector's order, the message of a refusal, and which annotation decided;
 * - annotations and labels added with their values, containers, init containers and volumes in order;
 * - the proxy, as differences from a plain Pod's under the same Helm values: image, ports, resources, identity, probes,
 *   arguments of linkerd-init, every environment variable;
 * - the injector's own log, apart from what it says about owners it could not find;
 * - what the API server found wrong with the containers that were added, and its warnings about them;
 * - all that was recorded of older releases.
 *
 * `injection-baselines.json`, given as a file, compares those plain Pods' proxies.
 *
 * Left out, because they tell nothing: positions in the injector's template (they change with every release), the order of
 * its log lines and how Go words a JSON syntax error, and `wouldInject`, which was guessed from a spoilt patch.
 */

const release = 'edge-26.8.3'
const releases: Readonly<Record<string, string>> = {
  '2.19': 'edge-25.10.7',
  '2.18': 'edge-25.4.4',
  '2.14': 'stable-2.14.10',
}

process.exitCode = compareRecords(process.argv.slice(2), (record) => {
  if (record['member']) return comparePlain(record)
  const { variant, namespace, pod, answer, versions = {} } = record as Record<string, any>
  const seen = admittedPod(record)
  const predict = (settings: LinkerdSettings, called: string) =>
    predictInjection(
      { ...seen, namespaceName: namespace.name, owner: podOwner(seen.metadata, ownersOf(record)) },
      namespace,
      settings,
      { namespace: 'linkerd', release: called },
    )

  const settings = settingsOf(variant)
  const injection = predict(settings, release)
  const injected = { ...seen, namespaceName: namespace.name }
  const faults = injectedFaults(injected, injection, namespace, settings)
  const ours: Record<string, unknown> = {
    ...decision(injection),
    ...writes(injection, pod),
    log: injection.warnings.toSorted(),
    proxy: injection.outcome === 'injected' ? recordedProxy(injection, seen, namespace, settings) : null,
    apiServer: ourVerdict(faults, portClashes(injected, injection), injection),
  }
  const theirs: Record<string, unknown> = {
    outcome: answer.outcome,
    reasons: answer.skipReasons ?? [],
    text: answer.skipText ?? '',
    at: answer.outcome === 'refused' ? null : answer.annotationAt,
    message: withoutPosition(answer.message ?? ''),
    annotations: answer.annotationsAdded ?? {},
    labels: answer.labelsAdded ?? {},
    containers: answer.containers ?? [],
    initContainers: answer.initContainers ?? [],
    volumes: answer.volumesAdded ?? [],
    nameless: (answer.nameless ?? []).length,
    proxy: answer.proxy ?? null,
    apiServer: recordedVerdict(record),
    log: (answer.log ?? []).filter(isAboutThePod).map(withoutDetail).toSorted(),
  }

  for (const [name, then] of Object.entries<any>(versions)) {
    const old = predict({ ...settings, minor: Number(name.split('.')[1]) }, releases[name] ?? name)
    const { at: _, text: __, ...decided } = decision(old)
    const { annotations, containers, initContainers } = writes(old, pod)
    const keys = Object.keys(annotations)
    ours[name] = {
      ...decided,
      native: old.outcome === 'injected' ? old.proxy.native : null,
      containers,
      initContainers,
      keys: keys.toSorted(),
      opaque: annotations['config.linkerd.io/opaque-ports'] ?? null,
    }
    theirs[name] = {
      outcome: then.outcome,
      reasons: then.skipReasons ?? [],
      message: withoutPosition(then.message ?? ''),
      nameless: (then.nameless ?? []).length,
      native: then.native ?? null,
      containers: then.containers ?? [],
      initContainers: then.initContainers ?? [],
      keys: then.annotationKeysAdded ?? [],
      opaque: then.opaquePorts ?? null,
    }
  }
  return { ours: sorted(ours), theirs: sorted(theirs) }
})

/** The plain Pod's whole proxy, of which the records give differences. What nothing in a Pod can change is no part of ours. */
function comparePlain({ id, member }: Record<string, any>) {
  const ours = plainProxy(settingsOf(id))
  const theirs = Object.fromEntries(Object.keys(ours).map((key) => [key, member[key] ?? null]))
  const variables = Object.keys(ours['env'] as object)
  theirs['env'] = Object.fromEntries(variables.map((name) => [name, member.env[name] ?? null]))
  return { ours: sorted(ours), theirs: sorted(theirs) }
}

function decision({ outcome, reasons, annotationAt, refusal, containers, initContainers }: Injection) {
  return {
    outcome,
    reasons,
    text: reasons.map((one) => skipReasons[one]).join(', '),
    // A refusal names no annotation.
    at: outcome === 'refused' ? null : (annotationAt ?? null),
    message: outcome === 'refused' ? refusal : '',
    nameless:
      outcome === 'malformed' ? [...containers, ...initContainers].filter((name) => name === undefined).length : 0,
  }
}

/** What the record shows of a patch: what was not there before, and only where the patch arrived. */
function writes(injection: Injection, pod: { readonly metadata: ObjectMeta }) {
  const { outcome } = injection
  const arrived = outcome === 'injected' || outcome === 'skipped' || outcome === 'malformed'
  const news = (written: ReadonlyMap<string, string>, there: ObjectMeta['labels']): Record<string, string> =>
    Object.fromEntries(arrived ? [...written].filter(([key, value]) => there?.[key] !== value) : [])
  return {
    annotations: news(injection.annotations, pod.metadata.annotations),
    labels: news(injection.labels, pod.metadata.labels),
    containers: outcome === 'injected' ? injection.containers : [],
    initContainers: outcome === 'injected' ? injection.initContainers : [],
    volumes: outcome === 'injected' ? injection.volumes : [],
  }
}

/** The metadata of the owners that were there, by kind and name. */
function ownersOf(record: Record<string, any>) {
  const owners: any[] = record['owners'] ?? []
  return ({ kind, name }: { kind: string; name: string }): ObjectMeta | undefined => {
    const i = owners.findIndex((one) => one.kind === kind && one.name === name && !one.absent)
    if (i < 0) return undefined
    return { ownerReferences: i > 0 ? [{ kind: owners[i - 1].kind, name: owners[i - 1].name }] : [] }
  }
}

function withoutPosition(message: string): string {
  return message.replace(/^execution error at \([^)]*\): /, '')
}

/** Its log also repeats refusals, and tells of owners that are gone. */
function isAboutThePod(line: string): boolean {
  return !line.startsWith('failed to retrieve ') && !line.startsWith('failed to run webhook handler')
}

/** Where Go's JSON parser stopped, and at which character. */
function withoutDetail(line: string): string {
  return line.replace(/^(invalid JSON in \S+ annotation): .*$/s, '$1')
}

/** The same value with its keys in order, so that texts can be compared. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => [key, sorted(member)]),
  )
}
