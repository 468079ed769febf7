import { isObject } from '../k8s/json.ts'

/** Why a request or a stream gave nothing usable. */
export type TroubleReason =
  /** 410: the position in history is too old. */
  | 'gone'
  /** What came is not what the protocol says. */
  | 'corrupt'
  | 'unauthorized'
  | 'forbidden'
  /** 404 */
  | 'absent'
  /** 409: somebody else was faster. */
  | 'conflict'
  /** 429, or 5xx: the server will not, for now. */
  | 'busy'
  /** Any other answer but the one hoped for. */
  | 'refused'
  /** No connection, or one that broke. */
  | 'unreachable'
  /** A connection over which nothing comes. */
  | 'silent'

/** A request or a stream that failed. */
export class Trouble extends Error {
  readonly reason: TroubleReason
  /** How long the server asks to wait. */
  readonly retryAfterMs: number
  constructor(reason: TroubleReason, message: string, retryAfterMs = 0) {
    super(message)
    this.reason = reason
    this.retryAfterMs = retryAfterMs
  }
}

/** Anything thrown, as a {@link Trouble}. */
export function troubleFrom(error: unknown): Trouble {
  if (error instanceof Trouble) return error
  const message = error instanceof Error ? error.message : String(error)
  return new Trouble('unreachable', message === '' && error instanceof Error ? codeOf(error) : message)
}

/** An error of several addresses tried has no message of its own. */
function codeOf(error: Error): string {
  return 'code' in error ? String(error.code) : error.name
}

/** A day of `Retry-After` is somebody's mistake. */
const longestRetryAfterMs = 120_000

/** What an answer that is no success means. `body` is a Kubernetes Status, if the API server wrote it. */
export function troubleOfAnswer(status: number, body: unknown, retryAfter: string | undefined): Trouble {
  const said = isObject(body) && typeof body['message'] === 'string' ? body['message'] : `HTTP ${status}`
  const seconds = /^\d{1,9}$/.test(retryAfter ?? '') ? Number(retryAfter) : 0
  return new Trouble(
    isFromTheFuture(body) ? 'gone' : reasonOf(status),
    said,
    Math.min(seconds * 1000, longestRetryAfterMs),
  )
}

/** etcd was restored from a backup: the position is later than anything there is, so waiting for it would never end. */
function isFromTheFuture(body: unknown): boolean {
  const details = isObject(body) ? body['details'] : undefined
  const causes = isObject(details) ? details['causes'] : undefined
  return Array.isArray(causes) && causes.some((one) => isObject(one) && one['reason'] === 'ResourceVersionTooLarge')
}

function reasonOf(status: number): TroubleReason {
  switch (status) {
    case 401:
      return 'unauthorized'
    case 403:
      return 'forbidden'
    case 404:
      return 'absent'
    case 409:
      return 'conflict'
    case 410:
      return 'gone'
    case 429:
      return 'busy'
    default:
      return status >= 500 ? 'busy' : 'refused'
  }
}
