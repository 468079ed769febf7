import { createBackOff } from './back-off.ts'
import { type Clock, sleep } from './clock.ts'
import type { Connection } from './connection.ts'
import { discover, type Served } from './discovery.ts'
import { listPages, type Page } from './list.ts'
import { createMirror, type Sink } from './mirror.ts'
import { Trouble, troubleFrom } from './trouble.ts'
import { type WireObject, watchEvents } from './watch.ts'

/** What to reflect, and where to. */
export interface Target<T> {
  readonly group: string
  /** Other groups that serve the same objects. */
  readonly alsoIn?: readonly string[]
  /** Lower-case plural. */
  readonly resource: string
  /** One object only, by name: RBAC can allow that by resourceNames. */
  readonly only?: { readonly namespace?: string; readonly name: string }
  /** What is kept of an object; undefined where its owner speaks for it. @throws when it is malformed */
  readonly decode: (apiVersion: string, object: WireObject) => T | undefined
  readonly sink: Sink<T>
}

/** Why everything was listed again: what made the position in history useless, or that a safety list found a difference. */
export type RelistReason = 'gone' | 'corrupt' | 'absent' | 'refused' | 'correction'

/** How a reflector fares. */
export interface ReflectorHealth {
  /** Does the sink hold what the cluster has, as far as is known? */
  readonly synced: boolean
  /** No version of the API serves this kind. */
  readonly absent: boolean
  readonly objects: number
  /** Objects that are not of their kind's shape, now. */
  readonly malformed: number
  /** Since the last byte of a successful answer; undefined before the first. */
  readonly ageMs: number | undefined
  /** What went wrong last; undefined once it works again. */
  readonly error: string | undefined
  readonly relists: Readonly<Record<RelistReason, number>>
  /** Differences that safety lists found: each is a bug, ours or the API server's. */
  readonly corrections: number
  /** Times that the sink threw. */
  readonly sinkFailures: number
}

export interface Reflector {
  health(): ReflectorHealth
  /** Afterwards nothing is written, asked or waited for any more. */
  stop(): Promise<void>
}

/** What a reflector works with. */
export interface ReflectorDependencies {
  readonly connection: Connection
  readonly clock: Clock
  readonly mostLineBytes: number
  /** Told when `synced`, `absent` or `error` change. */
  readonly onChange?: () => void
}

/** The API server sends a bookmark each minute: after one and a half, nothing comes any more. */
const silenceMs = 90_000
const healthyStreamMs = 10_000
const lookAgainMs = 30_000
const safetyMs = 30 * 60_000

/**
 * Keeps a sink equal to what the API server has of one kind, until it is stopped: list, watch, and whatever it takes to get
 * there again. It never gives up, and nothing that the API server or the sink does ends it.
 */
export function startReflector<T>(target: Target<T>, dependencies: ReflectorDependencies): Reflector {
  const { connection, clock, mostLineBytes, onChange = () => {} } = dependencies
  const stopping = new AbortController()
  const { signal } = stopping
  const backOff = createBackOff(clock)
  const mirror = createMirror(target.decode, target.sink)
  const { name, namespace } = target.only ?? {}
  const query = name === undefined ? '' : `fieldSelector=${encodeURIComponent(`metadata.name=${name}`)}`

  let served: Served | undefined
  /** Where in history the mirror is: a resourceVersion. Undefined when a list is needed. */
  let position: string | undefined
  let safetyAt = 0
  let lastContact: number | undefined
  let corrections = 0
  const relists = { gone: 0, corrupt: 0, absent: 0, refused: 0, correction: 0 }
  let state: Pick<ReflectorHealth, 'synced' | 'absent' | 'error'> = { synced: false, absent: false, error: undefined }

  const heard = () => {
    lastContact = clock.now()
  }
  const change = (next: Partial<typeof state>) => {
    const before = state
    state = { ...state, ...next }
    if (before.synced !== state.synced || before.absent !== state.absent || before.error !== state.error) onChange()
  }
  const pathIn = ({ root }: Served) =>
    namespace === undefined
      ? `${root}/${target.resource}`
      : `${root}/namespaces/${encodeURIComponent(namespace)}/${target.resource}`

  /** Lists anew, or, where the position is known, that very state again: then every difference is somebody's mistake. */
  const list = async (from: Served) => {
    const known = position
    const pages = listPages(connection, pathIn(from), query, known, signal, heard)
    const differences = await mirror.fill(
      from.apiVersion,
      forEachPage(pages, (page) => {
        position = page.resourceVersion
      }),
    )
    safetyAt = clock.now() + safetyMs * (0.8 + 0.4 * clock.random())
    if (known !== undefined) {
      corrections += differences
      if (differences > 0) relists.correction++
    }
    change({ synced: true, absent: false, error: undefined })
  }

  const watch = async (from: Served, since: string) => {
    const seconds = 240 + Math.floor(120 * clock.random())
    const parameters = `watch=1&allowWatchBookmarks=true&timeoutSeconds=${seconds}&resourceVersion=${encodeURIComponent(since)}`
    const path = `${pathIn(from)}?${parameters}${query === '' ? '' : `&${query}`}`
    const stream = await connection.stream(path, signal, silenceMs)
    heard()
    change({ synced: true, error: undefined })
    backOff.begin()
    try {
      for await (const event of watchEvents(stream, mostLineBytes, heard)) {
        if (signal.aborted) return
        mirror.apply(from.apiVersion, event)
        position = event.type === 'BOOKMARK' ? event.resourceVersion || position : event.identity.resourceVersion
      }
    } finally {
      backOff.end(healthyStreamMs)
    }
    if (!backOff.isRested()) throw new Trouble('unreachable', 'the API server ends its streams at once')
  }

  const step = async () => {
    served ??= await discover(connection, [target.group, ...(target.alsoIn ?? [])], target.resource, signal)
    if (served === undefined) {
      heard()
      mirror.empty()
      change({ synced: true, absent: true, error: undefined })
      await sleep(clock, lookAgainMs, 'look-again', signal)
    } else if (position === undefined || clock.now() >= safetyAt) await list(served)
    else await watch(served, position)
  }

  const recover = async (error: unknown, began: number) => {
    const { reason, message, retryAfterMs } = troubleFrom(error)
    const listAgain = reason === 'gone' || reason === 'corrupt' || reason === 'absent' || reason === 'refused'
    if (listAgain) {
      relists[reason]++
      position = undefined
    }
    if (reason === 'absent') served = undefined
    // A stream without a word may be one from a position that the server has yet to reach: have it checked.
    if (reason === 'silent') safetyAt = 0
    // Whoever may not look does not know what is there.
    change(reason === 'forbidden' || reason === 'unauthorized' ? { synced: false, error: message } : { error: message })
    // Waiting in vain for an answer was waiting, too.
    const waited = reason === 'silent' ? clock.now() - began : 0
    await sleep(clock, Math.max(0, backOff.next(retryAfterMs, listAgain) - waited), 'back-off', signal)
  }

  const run = async () => {
    while (!signal.aborted) {
      const began = clock.now()
      try {
        await step()
      } catch (error) {
        if (!signal.aborted) await recover(error, began)
      }
    }
  }
  const running = run()

  return {
    health: () => ({
      ...state,
      objects: mirror.objects(),
      malformed: mirror.malformed(),
      ageMs: lastContact === undefined ? undefined : clock.now() - lastContact,
      relists: { ...relists },
      corrections,
      sinkFailures: mirror.sinkFailures(),
    }),
    async stop() {
      stopping.abort()
      await running
    },
  }
}

async function* forEachPage(pages: AsyncIterable<Page>, see: (page: Page) => void): AsyncGenerator<Page> {
  let last: Page | undefined
  for await (const page of pages) {
    last = page
    yield page
  }
  // Only a whole list is a position.
  if (last !== undefined) see(last)
}
