import { isObject, own } from '../k8s/json.ts'

/** What an API server asks: one operation on one object. */
export interface Review {
  /** `admission.k8s.io/v1` or `v1beta1`, as it came: the answer must say the same. */
  readonly apiVersion: string
  /** Of this call, to be copied into the answer. */
  readonly uid: string
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT'
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string }
  readonly subResource: string
  /** The truth, also where `metadata.namespace` is empty. */
  readonly namespace: string
  readonly name: string
  readonly dryRun: boolean
  /** Null on DELETE. */
  readonly object: unknown
  /** Null on CREATE. */
  readonly oldObject: unknown
}

const versions = ['admission.k8s.io/v1', 'admission.k8s.io/v1beta1']
const operations = ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'] as const

/**
 * The door for reviews. Only the envelope is judged here: whatever object it holds gets a verdict.
 *
 * @returns the review, or why this is none
 */
export function readReview(body: unknown): { readonly review: Review } | { readonly reason: string } {
  if (!isObject(body)) return { reason: 'the body is no AdmissionReview' }
  const apiVersion = own(body, 'apiVersion')
  if (own(body, 'kind') !== 'AdmissionReview') return { reason: 'kind is not AdmissionReview' }
  if (typeof apiVersion !== 'string' || !versions.includes(apiVersion))
    return { reason: `apiVersion is none of ${versions.join(', ')}` }
  const request = own(body, 'request')
  if (!isObject(request)) return { reason: 'request is missing' }
  const text = (key: string): string => {
    const value = own(request, key)
    return typeof value === 'string' ? value : ''
  }
  const uid = text('uid')
  if (uid === '') return { reason: 'request.uid is missing' }
  const operation = operations.find((known) => known === own(request, 'operation'))
  if (operation === undefined) return { reason: `request.operation is none of ${operations.join(', ')}` }
  const kind = own(request, 'kind')
  const part = (key: string): string => {
    const value = isObject(kind) ? own(kind, key) : undefined
    return typeof value === 'string' ? value : ''
  }
  return {
    review: {
      apiVersion,
      uid,
      operation,
      kind: { group: part('group'), version: part('version'), kind: part('kind') },
      subResource: text('subResource'),
      namespace: text('namespace'),
      name: text('name'),
      dryRun: own(request, 'dryRun') === true,
      object: own(request, 'object') ?? null,
      oldObject: own(request, 'oldObject') ?? null,
    },
  }
}
