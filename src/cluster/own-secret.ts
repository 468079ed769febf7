import { isObject, own } from '../k8s/json.ts'
import type { Connection } from './connection.ts'
import { Trouble, troubleFrom } from './trouble.ts'

/** A Secret as it was read: what its `data` means, and the version that a change is made to. */
export interface SecretState {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  /** Decoded, as text. */
  readonly data: Readonly<Record<string, string>>
  /** As the API server sent it, for the fields that nobody here knows. */
  readonly object: Readonly<Record<string, unknown>>
}

/** What is to be in it. */
export type SecretWish = Omit<SecretState, 'object'>

/** What of a Secret may be written: the rest is left as it is. */
export interface SecretShare {
  readonly keys: readonly string[]
  readonly annotations: readonly string[]
}

/** One Secret, of which several may want to write, and of whose writes at one version one succeeds. */
export interface OwnSecret {
  /** Undefined when there is none. */
  read(signal: AbortSignal): Promise<SecretState | undefined>
  /**
   * Creates it, or changes the state that was read.
   *
   * @returns false when somebody else was faster
   */
  write(before: SecretState | undefined, wish: SecretWish, signal: AbortSignal): Promise<boolean>
}

/**
 * A Secret by its name. It needs `get` and `update` on that name, and `create` in its namespace. Both methods throw a Trouble.
 */
export function createOwnSecret(
  connection: Connection,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  share: SecretShare,
): OwnSecret {
  const all = `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets`
  const one = `${all}/${encodeURIComponent(name)}`
  return {
    async read(signal) {
      try {
        return stateOf(await connection.get(one, signal), one)
      } catch (error) {
        const trouble = troubleFrom(error)
        if (trouble.reason === 'absent') return undefined
        throw trouble
      }
    },
    async write(before, wish, signal) {
      const object = before?.object ?? { apiVersion: 'v1', kind: 'Secret', type: 'Opaque' }
      const metadata = own(object, 'metadata')
      const body = {
        ...object,
        metadata: {
          ...(isObject(metadata) ? metadata : { name, namespace }),
          labels: { ...before?.labels, ...wish.labels },
          annotations: { ...without(before?.annotations ?? {}, share.annotations), ...wish.annotations },
        },
        data: { ...without(membersOf(own(object, 'data')), share.keys), ...encoded(wish.data) },
      }
      try {
        // The resourceVersion in the metadata makes it a change to that state and no other.
        if (before) await connection.send({ method: 'PUT', path: one, body }, signal)
        else await connection.send({ method: 'POST', path: all, body }, signal)
        return true
      } catch (error) {
        const trouble = troubleFrom(error)
        // Created by somebody else in between, changed, or deleted.
        if (trouble.reason === 'conflict' || (before && trouble.reason === 'absent')) return false
        throw trouble
      }
    },
  }
}

function stateOf(object: unknown, path: string): SecretState {
  const metadata = isObject(object) ? own(object, 'metadata') : undefined
  if (!isObject(object) || !isObject(metadata) || typeof own(metadata, 'resourceVersion') !== 'string')
    throw new Trouble('corrupt', `the answer to ${path} is no Secret`)
  const data = Object.entries(membersOf(own(object, 'data'))).map(([key, value]) => [
    key,
    Buffer.from(value, 'base64').toString('utf8'),
  ])
  return {
    labels: membersOf(own(metadata, 'labels')),
    annotations: membersOf(own(metadata, 'annotations')),
    data: Object.fromEntries(data),
    object,
  }
}

function membersOf(value: unknown): Record<string, string> {
  if (!isObject(value)) return {}
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}

function without(record: Readonly<Record<string, string>>, keys: readonly string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(record).filter(([key]) => !keys.includes(key)))
}

function encoded(data: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(data).map(([key, text]) => [key, Buffer.from(text, 'utf8').toString('base64')]),
  )
}
