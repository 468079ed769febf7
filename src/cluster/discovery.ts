import { isObject, own } from '../k8s/json.ts'
import type { Connection } from './connection.ts'
import { troubleFrom } from './trouble.ts'

/** Where the API server serves a kind. */
export interface Served {
  readonly apiVersion: string
  /** `/apis/apps/v1`, before namespace and plural. */
  readonly root: string
}

/**
 * The version in which a kind can be listed and watched: the group's preferred one if that has it, else the next that does.
 * Undefined where no version has it: its CRD is not installed.
 *
 * @param groups in which the kind may be, the best first: one object is served in each
 * @throws a Trouble when the API server does not say
 */
export async function discover(
  connection: Connection,
  groups: readonly string[],
  resource: string,
  signal: AbortSignal,
): Promise<Served | undefined> {
  for (const group of groups) {
    if (group === '') return { apiVersion: 'v1', root: '/api/v1' }
    const description = await getOrNothing(connection, `/apis/${group}`, signal)
    for (const apiVersion of versionsOf(description)) {
      const root = `/apis/${apiVersion}`
      const listed = await getOrNothing(connection, root, signal)
      if (serves(listed, resource)) return { apiVersion, root }
    }
  }
  return undefined
}

async function getOrNothing(connection: Connection, path: string, signal: AbortSignal): Promise<unknown> {
  try {
    return await connection.get(path, signal)
  } catch (error) {
    const trouble = troubleFrom(error)
    if (trouble.reason === 'absent') return undefined
    throw trouble
  }
}

/** `apps/v1`, … of an APIGroup, the preferred one first. */
function versionsOf(description: unknown): string[] {
  if (!isObject(description)) return []
  const preferred = own(description, 'preferredVersion')
  const versions = own(description, 'versions')
  const found = [preferred, ...(Array.isArray(versions) ? versions : [])].map((version: unknown) =>
    isObject(version) ? own(version, 'groupVersion') : undefined,
  )
  return [...new Set(found.filter((version) => typeof version === 'string'))]
}

/** Does an APIResourceList say that this plural can be listed and watched? */
function serves(listed: unknown, resource: string): boolean {
  const resources = isObject(listed) ? own(listed, 'resources') : undefined
  if (!Array.isArray(resources)) return false
  return resources.some((one: unknown) => {
    if (!isObject(one) || own(one, 'name') !== resource) return false
    const verbs = own(one, 'verbs')
    return Array.isArray(verbs) && verbs.includes('list') && verbs.includes('watch')
  })
}
