import * as http from 'node:http'
import * as https from 'node:https'
import { text } from 'node:stream/consumers'
import { isObject, own } from '../k8s/json.ts'
import { type Clock, systemClock } from './clock.ts'
import { type CredentialSource, createCredentials } from './credentials.ts'
import { Trouble, troubleFrom } from './trouble.ts'

/** What the API server answered to an attempt. */
export interface TriedAnswer {
  readonly status: number
  /** Texts of its warnings, as far as they came. */
  readonly warnings: readonly string[]
  /** Of the Status that it answers where it refuses; empty otherwise. */
  readonly message: string
}

/** Tries what would happen, and stores nothing. */
export interface DryRun {
  /**
   * Tries to create an object, on a connection of its own.
   *
   * @param path of the collection, `/api/v1/namespaces/x/configmaps`
   * @throws a Trouble when there is no answer
   */
  readonly create: (path: string, object: object) => Promise<TriedAnswer>
}

/** A webhook has 5 s, and the way there and back takes some. */
const timeoutMs = 15_000

export function createDryRun(source: CredentialSource, clock: Clock = systemClock): DryRun {
  const credentials = createCredentials(source, clock)
  return {
    async create(path, object) {
      try {
        const { server, headers, tls } = await credentials.current()
        const response = await post(`${server}${path}?dryRun=All&fieldManager=meshgate`, headers, tls, object)
        const { statusCode: status = 0 } = response
        if (status === 401) credentials.renew()
        const body = await text(response)
        return {
          status,
          warnings: warningsIn(response.headers['warning']),
          message: status < 300 ? '' : messageIn(body),
        }
      } catch (error) {
        throw troubleFrom(error)
      }
    },
  }
}

function post(
  url: string,
  headers: Readonly<Record<string, string>>,
  tls: object,
  object: object,
): Promise<http.IncomingMessage> {
  const { request } = url.startsWith('http:') ? http : https
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs)
    const options = { method: 'POST', agent: false as const, signal, ...tls }
    const json = { 'content-type': 'application/json', accept: 'application/json', 'user-agent': 'meshgate' }
    const outgoing = request(url, { ...options, headers: { ...headers, ...json } }, resolve)
    outgoing.on('error', (error) =>
      reject(
        signal.aborted ? new Trouble('silent', `the API server does not answer within ${timeoutMs / 1000} s`) : error,
      ),
    )
    outgoing.end(JSON.stringify(object))
  })
}

/** `299 - "text"`, several of them with commas between (RFC 7234 §5.5; k8s.io/apiserver pkg/endpoints/filters/warning.go). */
function warningsIn(header: string | string[] | undefined): string[] {
  const text = Array.isArray(header) ? header.join(', ') : (header ?? '')
  return [...text.matchAll(/\d{3} \S+ "((?:[^"\\]|\\.)*)"/g)].map(([, quoted = '']) =>
    quoted.replaceAll(/\\(.)/g, '$1'),
  )
}

function messageIn(body: string): string {
  try {
    const status: unknown = JSON.parse(body)
    const message = isObject(status) ? own(status, 'message') : undefined
    return typeof message === 'string' ? message : ''
  } catch {
    return ''
  }
}
