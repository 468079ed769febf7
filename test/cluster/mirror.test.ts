import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { createMirror } from '../../src/cluster/mirror.ts'
import { createProjector } from '../../src/cluster/project.ts'
import type { Resource } from '../../src/k8s/resource.ts'
import { largePod } from './large-pods.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

async function* pagesOf(count: number, workloads: number) {
  for (let start = 0; start < count; start += 500) {
    const items = Array.from({ length: 500 }, (_, i) => largePod(start + i, workloads))
    // From text, as they come: texts of a literal would be shared by themselves.
    yield { items: JSON.parse(JSON.stringify(items)) as Record<string, unknown>[], resourceVersion: '1' }
  }
}

async function heapAfter(what: () => Promise<unknown>): Promise<number> {
  await what()
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setImmediate(resolve))
    collect()
  }
  return process.memoryUsage().heapUsed
}

t.test('it holds a Pod in little memory, and lists again without more', async (t) => {
  const [pods, workloads] = [8000, 800]
  const reflect = () => {
    const project = createProjector()
    const state = { held: [] as readonly Resource[] }
    const mirror = createMirror<Resource>(
      (apiVersion, object) => {
        const projected = project('Pod', apiVersion, object)
        return projected.as === 'resource' ? projected.resource : undefined
      },
      { replace: (items) => void (state.held = items), upsert() {}, remove() {} },
    )
    return { state, mirror }
  }
  // Code takes memory when it first runs, and it is not what is measured.
  await reflect().mirror.fill('v1', pagesOf(2000, 200))
  const { state, mirror } = reflect()
  const before = await heapAfter(async () => {})
  const first = await heapAfter(() => mirror.fill('v1', pagesOf(pods, workloads)))
  t.equal(state.held.length, pods)
  // 546 at 100,000 Pods of 10,000 workloads, of which 461 are the projected Pod; the fewer, the more weighs what is there once.
  // A projected Pod that shares nothing takes 5,100.
  t.ok((first - before) / pods < 1000, `${Math.round((first - before) / pods)} bytes`)
  const known = state.held
  const second = await heapAfter(() => mirror.fill('v1', pagesOf(pods, workloads)))
  t.equal(state.held, known, 'nothing changed, so nothing is said')
  // What is kept for nothing is kept each time; code that is compiled meanwhile takes its memory once.
  const growth: number[] = []
  for (let heap = second, round = 0; round < 3; round++) {
    const next = await heapAfter(() => mirror.fill('v1', pagesOf(pods, workloads)))
    growth.push((next - heap) / pods)
    heap = next
  }
  const usual = Math.round(growth.toSorted((a, b) => a - b)[1] ?? 0)
  t.ok(usual < 30, `${usual} bytes more`)
})
