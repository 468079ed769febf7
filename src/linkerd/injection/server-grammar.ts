import { isObject, own } from '../../k8s/json.ts'
import { inboundPolicies } from './annotation-grammar.ts'

/** `proxyProtocol` of a Server, letter by letter; `gRPC` and the others since 2.12, `TLS` too. */
export const serverProtocols = ['unknown', 'HTTP/1', 'HTTP/2', 'gRPC', 'opaque', 'TLS'] as const

const operators = ['In', 'NotIn', 'Exists', 'DoesNotExist']

/**
 * Why Linkerd's policy validator refuses a Server, in its own words, or undefined when it takes it (linkerd2
 * policy-controller/src/admission.rs, k8s/api/src/policy/server.rs). It decodes the port and the protocol first, then the
 * selector, and looks at the policy last; a member that it does not know it passes over.
 */
export function whyServerRefused(spec: Readonly<Record<string, unknown>>, minor: number): string | undefined {
  const port = own(spec, 'port')
  if (port !== undefined && !isPort(port)) return 'data did not match any variant of untagged enum Port'
  const protocol = own(spec, 'proxyProtocol')
  if (typeof protocol === 'string' && !(serverProtocols as readonly string[]).includes(protocol))
    return unknownVariant(protocol, serverProtocols)
  if (port === undefined) return 'missing field `port`'
  const selector = own(spec, 'podSelector') ?? own(spec, 'externalWorkloadSelector')
  if (!isObject(selector)) return 'no variant of enum Selector found in flattened data'
  const operator = operatorsOf(selector).find((one) => !operators.includes(one))
  if (operator !== undefined) return unknownVariant(operator, operators)
  const policy = own(spec, 'accessPolicy')
  return typeof policy !== 'string' || inboundPolicies(minor).includes(policy)
    ? undefined
    : `Invalid 'accessPolicy' field: invalid mode: ${JSON.stringify(policy)}`
}

/** A number that a port can be, or any name, also one of digits. */
function isPort(port: unknown): boolean {
  return typeof port === 'string' || (Number.isInteger(port) && Number(port) >= 1 && Number(port) <= 65_535)
}

function operatorsOf(selector: Readonly<Record<string, unknown>>): string[] {
  const expressions = own(selector, 'matchExpressions')
  if (!Array.isArray(expressions)) return []
  return expressions.flatMap((one: unknown) => {
    const operator = isObject(one) ? own(one, 'operator') : undefined
    return typeof operator === 'string' ? [operator] : []
  })
}

function unknownVariant(found: string, known: readonly string[]): string {
  return `unknown variant \`${found}\`, expected one of ${known.map((one) => `\`${one}\``).join(', ')}`
}
