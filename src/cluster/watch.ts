import { isObject, own } from '../k8s/json.ts'
import { splitLines } from './split-lines.ts'
import { Trouble } from './trouble.ts'

/** An object as the API server sends it. */
export type WireObject = Readonly<Record<string, unknown>>

/** One line of a watch. */
export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: WireObject; readonly identity: WireIdentity }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string }

/** What tells one object, and one state of it, from others. */
export interface WireIdentity {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  /** Opaque: equal or not, never more or less. */
  readonly resourceVersion: string
}

/**
 * The events of a watch (apimachinery's WatchEvent, a JSON object per line).
 *
 * @throws a Trouble: `gone` for an ERROR event that says so, `corrupt` for any other and for what is no event at all
 */
export async function* watchEvents(
  stream: AsyncIterable<Buffer>,
  mostLineBytes: number,
  heard: () => void,
): AsyncGenerator<WatchEvent> {
  for await (const line of splitLines(stream, mostLineBytes, heard)) yield readEvent(line)
}

function readEvent(line: string): WatchEvent {
  let event: unknown
  try {
    event = JSON.parse(line)
  } catch {
    throw new Trouble('corrupt', 'a line of the stream is not JSON')
  }
  const type = isObject(event) ? own(event, 'type') : undefined
  const object = isObject(event) ? own(event, 'object') : undefined
  if (!isObject(object)) throw new Trouble('corrupt', 'a line of the stream is not an event')
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED': {
      const identity = identityOf(object)
      if (identity === undefined) throw new Trouble('corrupt', 'an event has an object without name or resourceVersion')
      return { type, object, identity }
    }
    case 'BOOKMARK':
      return { type, resourceVersion: textIn(own(object, 'metadata'), 'resourceVersion') }
    case 'ERROR': {
      const gone =
        own(object, 'code') === 410 || own(object, 'reason') === 'Expired' || own(object, 'reason') === 'Gone'
      throw new Trouble(gone ? 'gone' : 'corrupt', textIn(object, 'message') || 'the stream reported an error')
    }
    default:
      throw new Trouble('corrupt', `the stream has an event of type ${JSON.stringify(type)?.slice(0, 40)}`)
  }
}

/** Undefined for an object that has no name or no resourceVersion. */
export function identityOf(object: WireObject): WireIdentity | undefined {
  const metadata = own(object, 'metadata')
  const name = textIn(metadata, 'name')
  const resourceVersion = textIn(metadata, 'resourceVersion')
  if (name === '' || resourceVersion === '') return undefined
  return { namespace: textIn(metadata, 'namespace'), name, uid: textIn(metadata, 'uid'), resourceVersion }
}

function textIn(value: unknown, key: string): string {
  const member = isObject(value) ? own(value, key) : undefined
  return typeof member === 'string' ? member : ''
}
