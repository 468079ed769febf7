import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { AnchorGauge, CertificateGauge } from '../linkerd/certificate-gauges.ts'

/** A metric of someone who keeps it himself. What was never set is not exposed: unknown is not zero. */
export interface OwnGauge {
  set(value: number, labels?: Readonly<Record<string, string>>): void
  /** From now on nothing is known. */
  clear(): void
}

/** What the webhook counts. Labels are few and bounded: rules, operations, and kinds that rules know. */
export interface Metrics {
  review(labels: { path: string; operation: string; kind: string; verdict: string }, seconds: number): void
  finding(rule: string, enforcement: string): void
  failure(rule: string): void
  /** A review that touched what is not known, or not sure, of a kind. */
  degraded(kind: string): void
  rejected(reason: string): void
  /** Where to look, when asked, how much is under way. */
  watch(gate: { readonly requests: number; readonly bytes: number }): void
  /** How many exemptions there are, by state, when asked. */
  watchExemptions(count: () => Readonly<Record<string, number>>): void
  /** How the watched kinds fare, when asked. */
  watchCluster(health: () => ReadonlyMap<string, WatchedKind>): void
  /** What the API server meets at Linkerd's webhooks, when asked. */
  watchLinkerdCertificates(look: () => readonly CertificateGauge[]): void
  /** How the mesh's trust anchors fare, when asked. */
  watchTrustAnchors(look: () => AnchorGauge | undefined): void
  certificate(notAfter: Date): void
  reload(result: string): void
  gauge(name: string, help: string, ...labelNames: string[]): OwnGauge
  /** A counter that begins at zero for these values of its one label, so that the first of each is an increase. */
  counter(name: string, help: string, labelName: string, values: readonly string[]): (value: string) => void
  /** A look at the configuration file: was it good, and when. */
  configReload(result: string, now: Date): void
  /** The exposition text and its content type. */
  expose(): Promise<{ readonly type: string; readonly text: string }>
}

/** What is counted of a kind that is watched. */
export interface WatchedKind {
  readonly trouble: object | undefined
  readonly objects: number
  readonly malformed: number
  /** Since the last byte; undefined before the first. */
  readonly ageMs: number | undefined
  readonly relists: Readonly<Record<string, number>>
  readonly corrections: number
}

/** Metrics in a registry of their own, so that two servers in one process do not share them. */
export function createMetrics(): Metrics {
  const registers = [new Registry()] as [Registry]
  const reviews = new Counter({
    name: 'meshgate_reviews_total',
    help: 'Reviews answered, by operation, kind and verdict.',
    labelNames: ['path', 'operation', 'kind', 'verdict'],
    registers,
  })
  const duration = new Histogram({
    name: 'meshgate_review_duration_seconds',
    help: 'Time from the parsed review to the answer.',
    labelNames: ['path'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers,
  })
  const findings = new Counter({
    name: 'meshgate_findings_total',
    help: 'Findings in reviews that are no dry runs, by rule and what was done.',
    labelNames: ['rule', 'enforcement'],
    registers,
  })
  const failures = new Counter({
    name: 'meshgate_rule_failures_total',
    help: 'Rules that threw: a fault of meshgate.',
    labelNames: ['rule'],
    registers,
  })
  const rejected = new Counter({
    name: 'meshgate_requests_rejected_total',
    help: 'Requests that got no verdict, by reason.',
    labelNames: ['reason'],
    registers,
  })
  const degraded = new Counter({
    name: 'meshgate_degraded_reviews_total',
    help: 'Reviews that are no dry runs and were not judged, or not surely, since a kind was not known or stale.',
    labelNames: ['kind'],
    registers,
  })
  let gate = { requests: 0, bytes: 0 }
  const requestsInFlight = new Gauge({
    name: 'meshgate_requests_in_flight',
    help: 'Requests being answered.',
    registers,
  })
  const bytesInFlight = new Gauge({
    name: 'meshgate_request_bytes_in_flight',
    help: 'Size of their bodies.',
    registers,
  })
  const expiry = new Gauge({
    name: 'meshgate_certificate_expiry_timestamp_seconds',
    help: 'When the certificate that is served expires.',
    registers,
  })
  const reloads = new Counter({
    name: 'meshgate_certificate_reloads_total',
    help: 'Attempts to load a new certificate, by result.',
    labelNames: ['result'],
    registers,
  })
  const configReloads = new Counter({
    name: 'meshgate_config_reload_total',
    help: 'Looks at a configuration file that changed or is not usable, by result.',
    labelNames: ['result'],
    registers,
  })
  // An alert on the first failure needs the zero before it.
  for (const result of ['success', 'invalid', 'missing', 'unreadable']) configReloads.inc({ result }, 0)
  const configGood = new Gauge({
    name: 'meshgate_config_last_good_timestamp_seconds',
    help: 'When the configuration in force was last seen in its file.',
    registers,
  })
  let countExemptions: Parameters<Metrics['watchExemptions']>[0] | undefined
  const exemptions = new Gauge({
    name: 'meshgate_exemptions',
    help: 'Exemptions of the configuration: expired, ending within 14 days, unused since the start, used.',
    labelNames: ['state'],
    registers,
  })
  let watchedKinds: (() => ReadonlyMap<string, WatchedKind>) | undefined
  const gaugeOf = (name: string, help: string, ...more: string[]) =>
    new Gauge({ name: `meshgate_snapshot_${name}`, help, labelNames: ['kind', ...more], registers })
  const synced = gaugeOf('synced', 'Whether all objects of the kind are known, and their changes heard of.')
  const objects = gaugeOf('objects', 'Objects of the kind that are known.')
  const malformed = gaugeOf('malformed_objects', 'Objects of the kind that are not of its shape.')
  const age = gaugeOf('age_seconds', 'Time since the API server last said anything about the kind.')
  const relists = gaugeOf('relists', 'Times that the kind was listed again since the start, by reason.', 'reason')
  const corrections = gaugeOf('corrections', 'Differences that safety lists found since the start: each is a bug.')
  let lookAtCertificates: (() => readonly CertificateGauge[]) | undefined
  const linkerdGauge = (name: string, help: string) =>
    new Gauge({ name: `meshgate_linkerd_webhook_${name}`, help, labelNames: ['namespace', 'service'], registers })
  const daysLeft = linkerdGauge('certificate_days_left', 'Days until calls fail for age; negative afterwards.')
  const trusted = linkerdGauge('trusted', 'Whether the API server can verify it, as far as is known.')
  const answers = linkerdGauge('answers', 'Whether the last handshake succeeded.')
  let lookAtAnchors: (() => AnchorGauge | undefined) | undefined
  const anchorDays = new Gauge({
    name: 'meshgate_linkerd_trust_anchor_days_left',
    help: "Days until the last of the mesh's trust anchors ends; negative afterwards.",
    labelNames: ['namespace'],
    registers,
  })
  const anchors = new Gauge({
    name: 'meshgate_linkerd_trust_anchors',
    help: "The mesh's trust anchors, by state.",
    labelNames: ['namespace', 'state'],
    registers,
  })
  const [registry] = registers
  const byLabels = new Map<string, { inc(): void }>()
  /** The counter of these labels, looked up once: hashing them at each review would cost more than judging it. */
  const counterOf = <L extends string>(counter: Counter<L>, labels: Record<L, string>): { inc(): void } => {
    const key = Object.values(labels).join('\0')
    const known = byLabels.get(key)
    if (known) return known
    const child = counter.labels(labels)
    byLabels.set(key, child)
    return child
  }
  return {
    review(labels, seconds) {
      counterOf(reviews, labels).inc()
      duration.observe({ path: labels.path }, seconds)
    },
    finding: (rule, enforcement) => counterOf(findings, { rule, enforcement }).inc(),
    failure: (rule) => failures.inc({ rule }),
    degraded: (kind) => counterOf(degraded, { kind }).inc(),
    rejected: (reason) => rejected.inc({ reason }),
    watch(watched) {
      gate = watched
    },
    watchExemptions(count) {
      countExemptions = count
    },
    configReload(result, now) {
      if (result !== 'unchanged') configReloads.inc({ result })
      if (result === 'unchanged' || result === 'success') configGood.set(now.getTime() / 1000)
    },
    watchLinkerdCertificates(look) {
      lookAtCertificates = look
    },
    watchTrustAnchors(look) {
      lookAtAnchors = look
    },
    watchCluster(health) {
      watchedKinds = health
    },
    gauge(name, help, ...labelNames) {
      const gauge = new Gauge({ name, help, labelNames, registers })
      const clear = () => (labelNames.length === 0 ? gauge.remove() : gauge.reset())
      clear()
      return { clear, set: (value, labels = {}) => gauge.set(labels, value) }
    },
    counter(name, help, labelName, values) {
      const counter = new Counter({ name, help, labelNames: [labelName], registers })
      for (const value of values) counter.inc({ [labelName]: value }, 0)
      return (value) => counter.inc({ [labelName]: value })
    },
    certificate: (notAfter) => expiry.set(notAfter.getTime() / 1000),
    reload: (result) => reloads.inc({ result }),
    async expose() {
      requestsInFlight.set(gate.requests)
      bytesInFlight.set(gate.bytes)
      for (const [state, count] of Object.entries(countExemptions?.() ?? {})) exemptions.set({ state }, count)
      for (const [kind, health] of watchedKinds?.() ?? []) {
        synced.set({ kind }, health.trouble ? 0 : 1)
        objects.set({ kind }, health.objects)
        malformed.set({ kind }, health.malformed)
        if (health.ageMs !== undefined) age.set({ kind }, health.ageMs / 1000)
        corrections.set({ kind }, health.corrections)
        for (const [reason, count] of Object.entries(health.relists)) relists.set({ kind, reason }, count)
      }
      // A Service that is gone must not leave its last word.
      for (const gauge of [daysLeft, trusted, answers]) gauge.reset()
      for (const { namespace, service, ...seen } of lookAtCertificates?.() ?? []) {
        trusted.set({ namespace, service }, seen.trusted)
        if (seen.daysLeft !== undefined) daysLeft.set({ namespace, service }, seen.daysLeft)
        if (seen.answers !== undefined) answers.set({ namespace, service }, seen.answers)
      }
      for (const gauge of [anchorDays, anchors]) gauge.reset()
      const seen = lookAtAnchors?.()
      if (seen !== undefined) {
        const { namespace } = seen
        if (seen.daysLeft !== undefined) anchorDays.set({ namespace }, seen.daysLeft)
        for (const [state, count] of Object.entries(seen.states)) anchors.set({ namespace, state }, count)
      }
      return { type: registry.contentType, text: await registry.metrics() }
    },
  }
}
