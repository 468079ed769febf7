import { parseCidr } from '../../policy/cidr.ts'
import { parseGoBool, parseGoDuration, parseGoFloat, parseGoInt, parseGoUint, parseQuantity } from '../go-values.ts'
import { portsByInit, portsByRust } from '../port-list.ts'
import { durationOf, quantityOf, switchOf } from './mend-value.ts'
import { environmentOf } from './proxy-environment.ts'

/** What Linkerd does with a value that its grammar does not know. */
export type Consequence =
  /** The value is ignored and the default holds: without a word, or with one in the injector's own log. */
  | 'ignored'
  /** The injector refuses the Pod. */
  | 'refused'
  /** The API server refuses the injected Pod. */
  | 'rejected'
  /** linkerd-init ends with an error, and the Pod never starts. */
  | 'init-fails'
  /** Part of the value is dropped. */
  | 'dropped'
  /** The proxy does something else than asked. */
  | 'other'

/** What an annotation may say. */
export interface Grammar {
  /** For people: what is valid. */
  readonly expected: string
  readonly accepts: (value: string, minor: number) => boolean
  readonly consequence: Consequence
  /** What Linkerd does, in words that follow "Linkerd" or stand alone. */
  readonly effect: string
  /** Valid values that may have been meant, for the nearest spelling. */
  readonly spellings?: (minor: number) => readonly string[]
  /** The value as it was probably meant, where that is more than a matter of spelling. */
  readonly mend?: (value: string) => string | undefined
}

/** Policies of `default-inbound-policy`; `audit` since 2.16. */
export function inboundPolicies(minor: number): readonly string[] {
  const since14 = [
    'all-unauthenticated',
    'all-authenticated',
    'cluster-unauthenticated',
    'cluster-authenticated',
    'deny',
  ]
  return minor >= 16 ? [...since14, 'audit'] : since14
}

const ignored = { consequence: 'ignored', effect: 'Linkerd ignores it, and the default holds' } as const

const integer = (bits: 32 | 64, from: number, to: number) => (value: string) => {
  const parsed = parseGoInt(value, bits)
  return 'value' in parsed && parsed.value >= from && parsed.value <= to
}

const oneOf = (values: readonly string[]) => ({
  accepts: (value: string) => values.includes(value),
  spellings: () => values,
})

/** Every element of a comma list, none of them empty. */
const each = (accepts: (element: string) => boolean) => (value: string) => value.split(',').every(accepts)

const isReadByInit = each((token) => portsByInit(token).length > 0)

/** The grammar of each sort of value (linkerd2 pkg/inject/inject.go, and whoever reads the value in the end). */
export const grammars = {
  inject: {
    expected: 'enabled, disabled or ingress',
    accepts: (value) => ['', 'enabled', 'disabled', 'ingress'].includes(value),
    spellings: () => ['enabled', 'disabled', 'ingress'],
    ...ignored,
  },
  bool: {
    expected: 'true or false',
    accepts: (value) => 'value' in parseGoBool(value),
    spellings: () => ['true', 'false'],
    mend: (value) => switchOf(value, 'true', 'false'),
    ...ignored,
  },
  onOff: {
    expected: 'enabled or disabled',
    ...oneOf(['enabled', 'disabled']),
    mend: (value) => switchOf(value, 'enabled', 'disabled'),
    ...ignored,
  },
  duration: {
    expected: 'a duration with its unit, such as 500ms or 1m30s',
    accepts: (value) => 'value' in parseGoDuration(value),
    mend: (value) => durationOf(value),
    ...ignored,
  },
  seconds: {
    expected: 'a whole number of seconds without a unit',
    accepts: (value) => 'value' in parseGoUint(value),
    mend: (value) => /^(\d+)s$/.exec(value.trim())?.[1],
    ...ignored,
  },
  port: {
    expected: 'a port number from 1 to 65535',
    accepts: integer(32, 1, 65535),
    consequence: 'other',
    effect:
      'a number outside is refused by the API server or leaves the proxy on an unusable port, anything else is ignored',
    mend: trimmed(integer(32, 1, 65535)),
  },
  userId: {
    expected: 'a numeric user id from 1 to 2147483647',
    accepts: integer(64, 1, 2_147_483_647),
    consequence: 'other',
    effect:
      'a text is ignored, a negative id is refused by the API server, and user 0 cannot start: the proxy must not be root',
    mend: trimmed(integer(64, 1, 2_147_483_647)),
  },
  groupId: {
    expected: 'a numeric group id, at most 2147483647',
    accepts: integer(64, -1, 2_147_483_647),
    mend: trimmed(integer(64, 0, 2_147_483_647)),
    ...ignored,
  },
  quantity: {
    expected: 'a Kubernetes quantity such as 100m, 0.5, 64Mi or 1Gi',
    accepts: (value) => 'value' in parseQuantity(value),
    mend: (value) => quantityOf(value),
    ...ignored,
  },
  ratio: {
    expected: 'a number above 0 and below 1, such as 0.5',
    accepts: (value) => {
      const parsed = parseGoFloat(value)
      return 'value' in parsed && parsed.value > 0 && parsed.value < 1
    },
    mend: (value) => {
      const percent = /^(\d{1,2})\s*%$/.exec(value.trim())?.[1]
      return percent === undefined || Number(percent) === 0 ? undefined : String(Number(percent) / 100)
    },
    ...ignored,
  },
  pullPolicy: {
    expected: 'Always, IfNotPresent or Never',
    accepts: (value) => ['', 'Always', 'IfNotPresent', 'Never'].includes(value),
    spellings: () => ['Always', 'IfNotPresent', 'Never'],
    consequence: 'rejected',
    effect: 'the API server refuses the injected Pod',
  },
  inboundPolicy: {
    expected: 'all-unauthenticated, all-authenticated, cluster-unauthenticated, cluster-authenticated, deny or audit',
    accepts: (value, minor) => inboundPolicies(minor).includes(value),
    spellings: inboundPolicies,
    consequence: 'ignored',
    effect: "Linkerd falls back to the cluster's default, which usually lets everybody in",
  },
  httpHeaders: {
    expected: 'insecure or off',
    accepts: (value) => ['', 'insecure', 'off'].includes(value),
    spellings: () => ['insecure', 'off'],
    consequence: 'refused',
    effect: 'the injector refuses the Pod: logHTTPHeaders must be one of: insecure | off',
  },
  logFormat: {
    expected: 'plain or json',
    ...oneOf(['plain', 'json']),
    consequence: 'other',
    effect: 'the proxy logs plain text',
  },
  accessLog: {
    expected: 'apache or json',
    accepts: (value) => ['', 'apache', 'json'].includes(value.toLowerCase()),
    spellings: () => ['apache', 'json'],
    consequence: 'other',
    effect: 'the proxy reports an error and writes no access log',
  },
  skipPorts: {
    expected: 'ports and ranges such as 3306,4567-4568, without spaces and names',
    accepts: (value) => value === '' || isReadByInit(value),
    consequence: 'dropped',
    effect: 'what cannot be read is left out, and that traffic goes through the proxy after all',
    mend: (value) => {
      const tight = value
        .split(',')
        .map((token) => token.replaceAll(/\s+/g, ''))
        .filter((token) => token !== '')
        .join(',')
      return tight !== '' && isReadByInit(tight) ? tight : undefined
    },
  },
  subnets: {
    expected: 'CIDRs such as 10.0.0.0/8,192.168.1.0/24',
    accepts: (value) => value === '' || each((token) => parseCidr(token) !== undefined)(value),
    consequence: 'init-fails',
    effect: 'linkerd-init ends with an error, and the Pod never starts',
    mend: (value) => {
      const cidrs = value
        .split(',')
        .map((token) => (/^\s*[\d.]+\s*$/.test(token) ? `${token.trim()}/32` : token.trim()))
      return cidrs.every((cidr) => parseCidr(cidr) !== undefined) ? cidrs.join(',') : undefined
    },
  },
  portList: {
    expected: 'port numbers from 1 to 65535 and ranges, without names',
    accepts: (value) => value === '' || portsByRust(value).length > 0,
    consequence: 'ignored',
    effect: 'the policy controller drops the whole list',
  },
  environment: {
    expected: 'a JSON list of environment variables, such as [{"name":"X","value":"1"}]',
    accepts: (value) => value === '' || environmentOf(value) !== undefined,
    ...ignored,
  },
  tag: {
    expected: 'an image tag',
    accepts: (value) => value === '' || isTag(value),
    consequence: 'rejected',
    effect: 'the image cannot be pulled, or the API server refuses the Pod',
    mend: trimmed(isTag),
  },
  overwritten: {
    expected: 'nothing: since 2.16 the injector computes this list itself',
    accepts: (_, minor) => minor < 16,
    consequence: 'ignored',
    effect: 'Linkerd ignores it',
  },
  free: { expected: 'any text', accepts: () => true, ...ignored },
} as const satisfies Readonly<Record<string, Grammar>>

export type GrammarName = keyof typeof grammars

/** What may follow the colon in an image reference: a tag, with or without a digest. */
function isTag(value: string): boolean {
  return /^\w[\w.-]{0,127}(@sha256:[0-9a-f]{64})?$/.test(value)
}

function trimmed(accepts: (value: string) => boolean): (value: string) => string | undefined {
  return (value) => (accepts(value.trim()) ? value.trim() : undefined)
}
