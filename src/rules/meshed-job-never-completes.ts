import type { PodKind, PodTemplate } from '../k8s/pod-template.ts'
import { containersOf } from '../k8s/pod-template.ts'
import { annotationOf, describe, type Resource } from '../k8s/resource.ts'
import { isKnownIn, nativeSidecarKeys, proxyAnnotation } from '../linkerd/injection/proxy-annotations.ts'
import {
  certaintyOf,
  type InjectionView,
  injectionReads,
  workloadInjection,
  wouldInject,
} from '../linkerd/injection/workload-injection.ts'
import { defineRule } from '../linkerd/rule.ts'

export const meshedJobNeverCompletes = defineRule({
  id: 'meshed-job-never-completes',
  severity: 'error',
  judges: 'both',
  summary: 'A meshed Job ends only when its proxy is a native sidecar, or is told to stop.',
  why: `An ordinary proxy is a container like the others and keeps running when the work is done. The Pod never completes, the Job never ends, and a CronJob starts no further run, or piles
them up. A native sidecar (an init container that stays) is stopped by the kubelet; that is Linkerd's default since 2.20, and possible since 2.15.`,
  remediation:
    'Make the proxy a native sidecar, end it from the Job with linkerd-await --shutdown or a POST to /shutdown on its admin port, or leave the Job out of the mesh with linkerd.io/inject: disabled.',
  limits: `Silent where a command of the Pod mentions \`linkerd-await\` or \`/shutdown\`. Native sidecars need Kubernetes 1.29; on older clusters they do not work.`,
  sources: [
    'https://linkerd.io/2/features/native-sidecars/',
    'linkerd2 charts/linkerd-control-plane/values.yaml proxy.nativeSidecar (edge-26.8)',
    'https://github.com/linkerd/linkerd-await',
  ],
  messages: {
    'proxy-stays':
      '{{object}} never ends: its proxy is an ordinary container that keeps running. {{remedy}}, or end the proxy with linkerd-await --shutdown',
  },
  reads: injectionReads,
  check: { CronJob: judge, Job: judge },
})

function* judge(subject: Resource<Extract<PodKind, 'CronJob' | 'Job'>>, view: InjectionView) {
  const workload = workloadInjection(subject, view)
  if (!wouldInject(workload) || workload.injection.proxy.native || endsItsProxy(workload.template)) return
  const { template } = workload
  yield {
    message: 'proxy-stays',
    path: pathOfNative(template) ?? [...template.path, 'spec'],
    data: { object: describe(subject), remedy: remedyFor(view.settings.minor) },
    confidence: certaintyOf(workload),
  } as const
}

function endsItsProxy({ spec }: PodTemplate): boolean {
  return containersOf(spec).some(({ container }) =>
    [...(container.command ?? []), ...(container.args ?? [])].some(
      (word) => word?.includes('linkerd-await') === true || word?.includes('/shutdown') === true,
    ),
  )
}

/** The annotation that makes it ordinary, where it is the Pod's own. */
function pathOfNative({ metadata, path }: PodTemplate) {
  const key = nativeSidecarKeys.map(([prefix, name]) => prefix + name).find((one) => annotationOf(metadata, one))
  return key === undefined ? undefined : [...path, 'metadata', 'annotations', key]
}

/** The strongest key that this release knows. */
function remedyFor(minor: number): string {
  const keys = nativeSidecarKeys.map(([prefix, name]) => prefix + name)
  const key = keys.find((one) => {
    const known = proxyAnnotation(one)
    return known !== undefined && isKnownIn(known, minor)
  })
  return key === undefined ? 'Set linkerd.io/inject: disabled on its template' : `Set ${key}: "true" on its template`
}
