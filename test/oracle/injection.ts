import { annotationOf } from '../../src/k8s/resource.ts'
import { annotations } from '../../src/linkerd/facts.ts'
import { whyNotInjected } from '../../src/linkerd/injection.ts'
import { defaultSettings } from '../../src/linkerd/settings.ts'
import { compareRecords } from './records.ts'

/*
 * node test/oracle/injection.ts FILE…: does our table decide as the real injector did? Compared are the reasons for which it
 * skipped a Pod, in its order; a Pod that it wanted to inject (also where the patch then failed) has none.
 */

const tokenMount = { mountPath: '/var/run/secrets/kubernetes.io/serviceaccount', name: 'token' }

process.exitCode = compareRecords(process.argv.slice(2), (record) => {
  const { variant, namespace, pod, serviceAccount, answer } = record as Record<string, any>
  // The webhook saw the Pod after the API server had mounted the token, unless the Pod or else its ServiceAccount opted out.
  const mounted = (pod.spec.automountServiceAccountToken ?? serviceAccount?.automountServiceAccountToken) !== false
  const [first, ...others] = pod.spec.containers ?? []
  const withMount = mounted ? { ...first, volumeMounts: [...(first?.volumeMounts ?? []), tokenMount] } : first
  const ours = whyNotInjected(
    { metadata: pod.metadata, spec: { ...pod.spec, containers: first ? [withMount, ...others] : [] }, admitted: true },
    annotationOf(namespace, annotations.inject),
    { ...defaultSettings, serviceAccountTokenProjection: variant !== 'noprojection' },
  )
  const wanted = answer.outcome === 'skipped' ? answer.skipReasons : answer.wouldInject === false ? undefined : []
  return wanted === undefined ? undefined : { ours, theirs: wanted }
})
