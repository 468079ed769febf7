import { annotationOf } from '../../src/k8s/resource.ts'
import { annotations } from '../../src/linkerd/facts.ts'
import { injectedOnPod } from '../../src/linkerd/injected-opaque-ports.ts'
import { annotationVerdict, type SkipReason, skipReasons, whyNotInjected } from '../../src/linkerd/injection.ts'
import type { LinkerdSettings } from '../../src/linkerd/settings.ts'
import { compareRecords, settingsOf } from './records.ts'

/*
 * node test/oracle/injection.ts FILE…: does our table decide as the real injector did? Of every record are compared:
 *
 * - whether the injector wanted the Pod (injected, but also refused, undecodable and malformed: there the patch failed);
 * - every reason for which it did not, in its order, and the text of its log and Events;
 * - which annotation decided;
 * - the opaque-ports annotation it wrote, where its patch arrived;
 * - the reasons and that annotation of older releases, where they were recorded.
 *
 * A record holds more of a successful injection (containers, the proxy's environment): none of it is a decision.
 */

const tokenMount = { mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', name: 'token' }

process.exitCode = compareRecords(process.argv.slice(2), (record) => {
  const { variant, namespace, pod, serviceAccount, answer, versions = {} } = record as Record<string, any>
  // The webhook saw the Pod after the API server had mounted the token, unless the Pod or else its ServiceAccount opted out.
  const mounted = (pod.spec.automountServiceAccountToken ?? serviceAccount?.automountServiceAccountToken) !== false
  const [first, ...others] = pod.spec.containers ?? []
  const withMount = mounted ? { ...first, volumeMounts: [...(first?.volumeMounts ?? []), tokenMount] } : first
  const seen = { ...pod, spec: { ...pod.spec, containers: first ? [withMount, ...others] : [] }, admitted: true }
  const namespaceValue = annotationOf(namespace, annotations.inject)

  const decide = (settings: LinkerdSettings) => {
    const reasons: SkipReason[] = whyNotInjected(seen, namespaceValue, settings)
    return { reasons, opaque: injectedOnPod(seen, namespace, settings, reasons.length === 0) }
  }

  const { reasons, opaque } = decide(settingsOf(variant))
  const { at } = annotationVerdict(namespaceValue, annotationOf(pod.metadata, annotations.inject))
  const ours: Record<string, unknown> = { wanted: reasons.length === 0 }
  // Not `wouldInject`: it was guessed from the patch, and calls five Pods unwanted whose patch a `proxy-version` had spoilt
  // twice over. The injector gave no reason against them.
  const theirs: Record<string, unknown> = { wanted: answer.outcome !== 'skipped' && !answer.skipReasons }
  Object.assign(ours, { reasons, text: reasons.map((one) => skipReasons[one]).join(', ') })
  Object.assign(theirs, { reasons: answer.skipReasons ?? [], text: answer.skipText ?? '' })
  // A refusal names no annotation.
  if (answer.outcome !== 'refused') Object.assign(ours, { at: at ?? null })
  if (answer.outcome !== 'refused') Object.assign(theirs, { at: answer.annotationAt })
  if (arrived(answer.outcome)) {
    ours['opaque'] = opaque.list ?? null
    theirs['opaque'] = answer.annotationsAdded?.[annotations.opaquePorts] ?? null
  }
  for (const [release, then] of Object.entries<any>(versions)) {
    const old = decide({ ...settingsOf(variant), minor: Number(release.split('.')[1]) })
    const known = { wanted: old.reasons.length === 0, reasons: old.reasons }
    ours[release] = arrived(then.outcome) ? { ...known, opaque: old.opaque.list ?? null } : known
    const told = { wanted: then.outcome !== 'skipped' && !then.skipReasons, reasons: then.skipReasons ?? [] }
    theirs[release] = arrived(then.outcome) ? { ...told, opaque: then.opaquePorts ?? null } : told
  }
  return { ours, theirs }
})

/** The patch could be decoded, so that what it writes can be seen. */
function arrived(outcome: string): boolean {
  return outcome === 'injected' || outcome === 'skipped' || outcome === 'malformed'
}
