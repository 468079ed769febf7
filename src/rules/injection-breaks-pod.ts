import type { Confidence, Severity } from '../core/finding.ts'
import { own, type Path } from '../k8s/json.ts'
import { containersOf, type PodKind } from '../k8s/pod-template.ts'
import { annotationOf, describe, labelsOf, type Resource } from '../k8s/resource.ts'
import { podSecurityLabel } from '../linkerd/facts.ts'
import { type InjectedFault, injectedFaults, portClashes } from '../linkerd/injection/injected-faults.ts'
import { networkCommandOf } from '../linkerd/injection/network-command.ts'
import { portTakenByProxy } from '../linkerd/injection/proxy-ports.ts'
import {
  certaintyOf,
  type InjectionView,
  injectionReads,
  type WorkloadInjection,
  workloadInjection,
  wouldInject,
} from '../linkerd/injection/workload-injection.ts'
import { defineRule } from '../linkerd/rule.ts'

export const injectionBreaksPod = defineRule({
  id: 'injection-breaks-pod',
  severity: 'error',
  judges: 'both',
  summary: 'A Pod must still be a sound one when the proxy has been added to it.',
  why: `Injection succeeds, and the Pod is broken by it. The API server refuses what the injector made of it (a label longer than 63 characters from the workload's name, a limit below its request, capabilities that Pod Security
does not allow): then there are no Pods at all, and only Events of the ReplicaSet say so. Or the Pod starts and does not work: its container and the proxy want the same port, or it runs as
the proxy's own user, whose traffic linkerd-init leaves alone, so that all it sends bypasses the mesh. With an ordinary proxy, an init container that needs the network runs before it:
past the mesh, and with the CNI plugin without any network.`,
  remediation:
    "Shorten the name, raise the limit, use the CNI plugin or a privileged Namespace, and leave the proxy's four ports and its user to the proxy.",
  limits: `Said only of Pods that are injected. Values that are invalid by themselves are \`proxy-annotation-invalid\`. Whether an init container needs the network is guessed from its command, so that is information. Pod Security is judged without the CNI plugin, with medium confidence, unless
\`linkerd.cniEnabled\` says that it is there.`,
  sources: [
    'linkerd2 pkg/inject/inject.go (edge-26.8)',
    'linkerd2 charts/partials/templates/_proxy-init.tpl (edge-26.8)',
    'linkerd2-proxy-init pkg/iptables/iptables.go',
    'https://linkerd.io/2/features/cni/',
    'https://github.com/linkerd/linkerd2/issues/11667',
    'https://kubernetes.io/docs/concepts/security/pod-security-standards/',
  ],
  messages: {
    'label-too-long':
      'the name of {{object}} must be at most 63 characters long: the injector makes it a label of its Pods, and the API server refuses every one of them',
    'limit-below-request':
      '{{annotations}} must not contradict each other on {{object}}: the request is above the limit, so the API server refuses the injected Pods',
    'pod-security':
      '{{remedy}}: the Pods of {{object}} are refused once they are injected, since Namespace {{namespace}} enforces Pod Security "{{level}}", where {{container}} {{detail}}',
    'container-twice':
      'the container {{container}} of {{object}} must be named differently: the injector adds one of that name, and the API server refuses both',
    'port-taken':
      'port {{port}} must be another one: in {{object}} the proxy listens on it ({{what}}), and only one of the two can',
    'port-name-taken':
      'the port name {{name}} belongs to the proxy: Services and probes of {{object}} that use it reach the proxy instead',
    'proxy-user':
      "container {{container}} of {{object}} must not run as {{who}}, which is the proxy's: its outbound traffic bypasses the mesh",
    'init-without-mesh':
      'init container {{container}} of {{object}} runs before the proxy{{cost}}: its command ({{command}}) looks as if it needed the network',
  },
  reads: injectionReads,
  check: {
    CronJob: judge,
    DaemonSet: judge,
    Deployment: judge,
    Job: judge,
    Pod: judge,
    ReplicaSet: judge,
    ReplicationController: judge,
    StatefulSet: judge,
  },
})

function* judge(subject: Resource<PodKind>, view: InjectionView) {
  const workload = workloadInjection(subject, view)
  if (!wouldInject(workload) || workload.injection.outcome === 'refused') return
  const object = describe(subject)
  const confidence: Confidence = certaintyOf(workload)
  const common = { confidence }
  yield* faults(subject, workload, object, confidence, view)

  const { template, injection } = workload
  const pod = { ...template, namespaceName: subject.namespace }
  for (const { container, index } of portClashes(pod, injection).filter(({ as }) => as === 'name')) {
    const path = [...template.path, ...container.path, 'ports', index, 'name']
    const name = container.container.ports?.[index]?.name ?? ''
    yield { message: 'port-name-taken', path, data: { name, object }, severity: 'warning', ...common } as const
  }
  for (const { container, path, init } of containersOf(template.spec)) {
    const at = [...template.path, ...path]
    const named = { container: container.name ?? '', object }
    if (!init || container.restartPolicy === 'Always')
      for (const [i, port] of (container.ports ?? []).entries()) {
        const what = portTakenByProxy(port, injection.proxy)
        const data = { port: String(port?.containerPort ?? ''), object, what: what ?? '' }
        if (what !== undefined)
          yield { message: 'port-taken', path: [...at, 'ports', i, 'containerPort'], data, ...common } as const
      }
    yield* proxyUser(workload, at, named, container.securityContext ?? {}, confidence)
    const command = init && !injection.proxy.native ? networkCommandOf(container) : undefined
    if (command === undefined) continue
    const cost = view.settings.cniEnabled ? ', without any network' : ', past the mesh'
    const severity: Severity = view.settings.cniEnabled ? 'warning' : 'info'
    yield {
      message: 'init-without-mesh',
      path: at,
      data: { ...named, cost, command },
      confidence: 'medium',
      severity,
    } as const
  }
}

interface Identity {
  readonly runAsUser?: unknown
  readonly runAsGroup?: unknown
}

function* proxyUser(
  { template, injection }: WorkloadInjection,
  at: Path,
  named: { readonly container: string; readonly object: string },
  said: Identity,
  confidence: Confidence,
) {
  const shared: Identity = template.spec.securityContext ?? {}
  for (const [field, id, what] of [
    ['runAsUser', injection.proxy.uid, 'user'],
    ['runAsGroup', injection.proxy.gid, 'group'],
  ] as const) {
    if (id < 0 || (said[field] ?? shared[field]) !== id) continue
    const holder = (said[field] ?? undefined) === undefined ? [...template.path, 'spec'] : at
    const path = [...holder, 'securityContext', field]
    yield { message: 'proxy-user', path, data: { ...named, who: `${what} ${id}` }, confidence } as const
  }
}

function* faults(
  subject: Resource<PodKind>,
  workload: WorkloadInjection,
  object: string,
  confidence: Confidence,
  view: InjectionView,
) {
  const { template, namespace, injection } = workload
  const pod = { ...template, namespaceName: subject.namespace }
  const common = { confidence }
  const told = new Set<string>()
  for (const fault of injectedFaults(pod, injection, namespace?.metadata, view.settings)) {
    const sort = sortOf(fault)
    if (sort === undefined || told.has(sort)) continue
    told.add(sort)
    const at = [...template.path, 'metadata']
    if (sort === 'label-too-long')
      yield { message: sort, path: ['metadata', 'name'], data: { object }, ...common } as const
    else if (sort === 'limit-below-request') {
      const key = fault.annotations.find((one) => annotationOf(template.metadata, one) !== undefined)
      const path = key === undefined ? at : [...at, 'annotations', key]
      yield { message: sort, path, data: { annotations: fault.annotations.join(' and '), object }, ...common } as const
    } else if (sort === 'container-twice') {
      const found = containersOf(template.spec).find(({ container }) => container.name === fault.container)
      const path = [...template.path, ...(found?.path ?? ['spec']), 'name']
      yield { message: sort, path, data: { container: fault.container ?? '', object }, ...common } as const
    } else {
      const level = own(labelsOf(namespace?.metadata), podSecurityLabel) ?? ''
      const remedy = view.settings.cniEnabled
        ? "drop ALL capabilities in the Pod's first container, as the proxy then does"
        : 'install Linkerd with its CNI plugin, or let the Namespace be privileged'
      const data = {
        object,
        namespace: subject.namespace,
        level,
        container: fault.container ?? '',
        detail: fault.detail,
        remedy,
      }
      // A Namespace that is both strict and injected has most likely the CNI plugin; nothing here shows it.
      const known = view.settings.cniEnabled ? confidence : 'medium'
      yield { message: sort, path: at, data, confidence: known } as const
    }
  }
}

type Sort = 'label-too-long' | 'limit-below-request' | 'container-twice' | 'pod-security'

/** Values that are invalid by themselves are another rule's. */
function sortOf({ field, annotations }: InjectedFault): Sort | undefined {
  if (field.startsWith('metadata.labels')) return 'label-too-long'
  if (field === 'resources.requests') return 'limit-below-request'
  if (field.endsWith('.name')) return 'container-twice'
  return /^(capabilities|allowPrivilegeEscalation)/.test(field) && annotations.length === 0 ? 'pod-security' : undefined
}
