import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { check } from '../../src/commands/check.ts'
import type { World } from '../../src/commands/world.ts'

const files = 10_000
const rounds = 4

/**
 * `check` over a tree of 10,000 one-document files ÷ merely parsing the same texts with the `yaml` library, in one process:
 * one after the other, four times, of which the best counts, as the others waited for something. The peak of memory is that of
 * the first run.
 */
export async function benchCheckTree(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'meshgate-tree-'))
  try {
    const texts = Array.from({ length: files }, (_, i) => manifest(i))
    for (const [i, text] of texts.entries()) {
      const home = join(folder, `ns-${i % 100}`)
      if (i < 100) mkdirSync(home)
      writeFileSync(join(home, `${i}.yaml`), text)
    }
    const runCheck = async () => {
      let out = ''
      const world: World = {
        stdin: (async function* () {})(),
        stdout: { write: (text) => (out += text) },
        stderr: { write: () => true },
        env: {},
        cwd: () => folder,
      }
      const status = await check([folder, '--format', 'json', '--fail-on', 'never'], world)
      const { summary, failures } = JSON.parse(out)
      if (status !== 0 || summary.resources !== files || failures.length > 0) throw new Error(`check failed: ${status}`)
    }
    const runYaml = async () => {
      for (const text of texts) parseAllDocuments(text)
    }
    await runCheck()
    const peakMiB = process.resourceUsage().maxRSS / 1024
    let [checkMs, parseMs] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
    for (let i = 0; i < rounds; i++) {
      parseMs = Math.min(parseMs, await timeOf(runYaml))
      checkMs = Math.min(checkMs, await timeOf(runCheck))
    }
    const ratio = (checkMs / parseMs).toFixed(2)
    console.log(
      `check: ${files} files ${checkMs.toFixed(0)} ms ÷ yaml ${parseMs.toFixed(0)} ms = ${ratio} (goal ≤ 0.6), peak ${peakMiB.toFixed(0)} MiB`,
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function timeOf(run: () => Promise<void>): Promise<number> {
  const start = performance.now()
  await run()
  return performance.now() - start
}

/** Of every hundred objects: a Namespace, and Deployments, Services, policies and ConfigMaps of a namespace. */
function manifest(i: number): string {
  const namespace = `ns-${i % 100}`
  const name = `app-${Math.floor(i / 100)}`
  const metadata = `metadata:\n  name: ${name}\n  namespace: ${namespace}\n  labels:\n    app.kubernetes.io/name: ${name}\n    app.kubernetes.io/part-of: shop\n`
  if (i < 100)
    return `apiVersion: v1\nkind: Namespace\nmetadata:\n  name: ${namespace}\n  annotations:\n    linkerd.io/inject: enabled\n`
  switch (Math.floor(i / 100) % 4) {
    case 0:
      return `apiVersion: v1\nkind: ConfigMap\n${metadata}data:\n  LOG_LEVEL: info\n  settings.yaml: |\n    retries: 3\n    timeout: 10s\n    hosts:\n      - a.example.com\n      - b.example.com\n`
    case 1:
      return `apiVersion: v1\nkind: Service\n${metadata}spec:\n  selector:\n    app: ${name}\n  ports:\n    - name: http\n      port: 80\n      targetPort: 8080\n    - name: metrics\n      port: 9090\n`
    case 2:
      return `apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n${metadata}spec:\n  podSelector:\n    matchLabels:\n      app: ${name}\n  policyTypes:\n    - Ingress\n  ingress:\n    - from:\n        - podSelector:\n            matchLabels:\n              app: web\n      ports:\n        - port: 8080\n          protocol: TCP\n${i % 5 === 0 ? '' : '        - port: 4143\n          protocol: TCP\n'}`
    default:
      return `apiVersion: apps/v1\nkind: Deployment\n${metadata}spec:\n  replicas: 2\n  selector:\n    matchLabels:\n      app: ${name}\n  template:\n    metadata:\n      labels:\n        app: ${name}\n    spec:\n      containers:\n        - name: app\n          image: ghcr.io/example/${name}:1.0.${i}\n          ports:\n            - name: http\n              containerPort: 8080\n          env:\n            - name: LOG_LEVEL\n              value: info\n          readinessProbe:\n            httpGet:\n              path: /ready\n              port: http\n          resources:\n            requests:\n              cpu: 100m\n              memory: 128Mi\n`
  }
}
