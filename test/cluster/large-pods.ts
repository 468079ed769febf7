/** One of many Pods as a large, meshed cluster has them: about 5 kB of JSON, of which little is the Pod's own. */
export function largePod(number: number, workloads: number): Record<string, unknown> {
  const workload = number % workloads
  const namespace = `team-${workload % Math.max(1, workloads / 10)}`
  const app = `service-${workload}`
  const hash = `${((workload * 2_654_435_761) % 0xffff_ffff).toString(16).padStart(8, '0')}c`
  const suffix = (number * 40_503).toString(36).slice(-5).padStart(5, '0')
  const port = 8000 + (workload % 2000)
  return {
    metadata: {
      name: `${app}-${hash}-${suffix}-${number}`,
      generateName: `${app}-${hash}-`,
      namespace,
      uid: `${number.toString(16).padStart(8, '0')}-aaaa-4bbb-8ccc-${workload.toString(16).padStart(12, '0')}`,
      resourceVersion: String(1_000_000 + number),
      creationTimestamp: '2026-11-20T10:00:00Z',
      labels: {
        app,
        'app.kubernetes.io/name': app,
        'app.kubernetes.io/part-of': namespace,
        'pod-template-hash': hash,
        version: `v${workload % 20}`,
        'linkerd.io/control-plane-ns': 'linkerd',
        'linkerd.io/proxy-deployment': app,
        'linkerd.io/workload-ns': namespace,
      },
      annotations: {
        'linkerd.io/inject': 'enabled',
        'linkerd.io/proxy-version': 'edge-26.8.3',
        'linkerd.io/trust-root-sha256': 'a'.repeat(64),
        'linkerd.io/created-by': 'linkerd/proxy-injector edge-26.8.3',
        'kubectl.kubernetes.io/restartedAt': `2026-11-20T10:00:00Z/${number}`,
      },
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `${app}-${hash}`, uid: hash, controller: true },
      ],
      managedFields: [
        { manager: 'kube-controller-manager', fieldsV1: { 'f:metadata': { 'f:labels': { 'f:app': {} } } } },
      ],
    },
    spec: {
      nodeName: `node-${number % 500}`,
      serviceAccountName: app,
      volumes: [
        { name: `kube-api-access-${suffix}`, projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } },
      ],
      initContainers: [
        {
          name: 'linkerd-init',
          image: 'cr.l5d.io/linkerd/proxy:edge-26.8.3',
          args: ['--incoming-proxy-port', '4143', '--outgoing-proxy-port', '4140', '--proxy-uid', '2102'],
        },
        {
          name: 'linkerd-proxy',
          image: 'cr.l5d.io/linkerd/proxy:edge-26.8.3',
          restartPolicy: 'Always',
          env: proxyEnvironment(port),
          ports: [
            { name: 'linkerd-proxy', containerPort: 4143, protocol: 'TCP' },
            { name: 'linkerd-admin', containerPort: 4191, protocol: 'TCP' },
          ],
        },
      ],
      containers: [
        {
          name: 'app',
          image: `registry.example.com/${namespace}/${app}:1.2.${workload % 50}`,
          args: ['--listen', `:${port}`],
          env: [
            { name: 'DATABASE_URL', value: `postgres://${app}` },
            { name: 'LOG_LEVEL', value: 'info' },
          ],
          ports: [{ name: 'http', containerPort: port, protocol: 'TCP' }],
          resources: { limits: { cpu: '1', memory: '512Mi' }, requests: { cpu: '100m', memory: '128Mi' } },
          volumeMounts: [
            { name: `kube-api-access-${suffix}`, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
          ],
        },
      ],
    },
    status: {
      phase: 'Running',
      podIP: `10.1.${number % 250}.${number % 200}`,
      conditions: ['Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map((type) => ({ type, status: 'True' })),
      containerStatuses: [{ name: 'app', containerID: `containerd://${number.toString(16).padStart(64, '0')}` }],
    },
  }
}

/** As the injector writes it: some twenty variables, of which one is the workload's own. */
function proxyEnvironment(port: number): object[] {
  const values = {
    LOG: 'warn,linkerd=info,hickory=error,[{headers}]=off,[{request}]=off',
    DESTINATION_SVC_ADDR: 'linkerd-dst-headless.linkerd.svc.cluster.local.:8086',
    DESTINATION_PROFILE_NETWORKS: '10.0.0.0/8,100.64.0.0/10,172.16.0.0/12,192.168.0.0/16,fd00::/8',
    POLICY_SVC_ADDR: 'linkerd-policy.linkerd.svc.cluster.local.:8090',
    POLICY_WORKLOAD: '{"ns":"$(_pod_ns)", "pod":"$(_pod_name)"}\n',
    INBOUND_DEFAULT_POLICY: 'all-unauthenticated',
    CONTROL_LISTEN_ADDR: '[::]:4190',
    ADMIN_LISTEN_ADDR: '[::]:4191',
    INBOUND_LISTEN_ADDR: '[::]:4143',
    OUTBOUND_LISTEN_ADDR: '127.0.0.1:4140',
    INBOUND_PORTS: String(port),
    IDENTITY_LOCAL_NAME: '$(_pod_sa).$(_pod_ns).serviceaccount.identity.linkerd.cluster.local',
    IDENTITY_SVC_ADDR: 'linkerd-identity-headless.linkerd.svc.cluster.local.:8080',
  }
  const fields = ['_pod_name', '_pod_ns', '_pod_nodeName', '_pod_sa']
  return [
    ...fields.map((name) => ({ name, valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } })),
    ...Object.entries(values).map(([name, value]) => ({ name: `LINKERD2_PROXY_${name}`, value })),
  ]
}
