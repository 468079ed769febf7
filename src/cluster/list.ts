import { isObject, own } from '../k8s/json.ts'
import type { Connection } from './connection.ts'
import { Trouble } from './trouble.ts'
import type { WireObject } from './watch.ts'

/** Part of a list. */
export interface Page {
  /** To be taken out by who reads it, so that no page is in memory twice. */
  readonly items: WireObject[]
  readonly resourceVersion: string
}

/** Objects per page. */
const pageSize = 500

/**
 * Lists in pages.
 *
 * Without `at` it asks for the newest state. Never for `resourceVersion=0`: the API server then answers from its watch cache
 * and ignores the limit, which for 100,000 Pods is one answer of half a gigabyte (seen on 1.37: `limit=500&resourceVersion=0`
 * gave all 1,200 objects, the same without resourceVersion 500).
 *
 * @param query `fieldSelector=…`, or empty
 * @param at lists the state at exactly this resourceVersion
 * @throws a Trouble; `gone` also when the list expired between two pages
 */
export async function* listPages(
  connection: Connection,
  path: string,
  query: string,
  at: string | undefined,
  signal: AbortSignal,
  heard: () => void,
): AsyncGenerator<Page> {
  const selection = query === '' ? '' : `&${query}`
  const moment = at === undefined ? '' : `&resourceVersion=${encodeURIComponent(at)}&resourceVersionMatch=Exact`
  for (let next = moment; ; ) {
    const answer = await connection.get(`${path}?limit=${pageSize}${selection}${next}`, signal, heard)
    const metadata = isObject(answer) ? own(answer, 'metadata') : undefined
    const items = isObject(answer) ? (own(answer, 'items') ?? []) : undefined
    const resourceVersion = isObject(metadata) ? own(metadata, 'resourceVersion') : undefined
    if (!isObject(metadata) || !Array.isArray(items) || typeof resourceVersion !== 'string' || resourceVersion === '')
      throw new Trouble('corrupt', `the answer to ${path} is not a list`)
    yield { items: items as WireObject[], resourceVersion }
    const token = own(metadata, 'continue')
    if (typeof token !== 'string' || token === '') return
    next = `&continue=${encodeURIComponent(token)}`
  }
}
