import type { Policy, Ports, Rule, Ruling } from '../../policy/policy.ts'
import { hasPort, portDifference, portsOf } from '../../policy/port-set.ts'
import { proxyPortNames } from '../facts.ts'
import { dnsPort } from '../pods/pod-facts.ts'
import type { LinkerdSettings } from '../settings.ts'
import { hasAddresses } from './address-gaps.ts'
import { isDenial } from './denied-proxy-port.ts'
import { isSilent, openingRules } from './opening-rules.ts'

/** A set of {@link Trait}s. */
export type Traits = number

/**
 * What a policy must have for a rule to find anything in it, told by the policy alone: whoever has not need not be judged again,
 * whatever changes around it.
 */
const traits = {
  /** It opens some ports. */
  opens: (policy) => rulesOf(policy).some(({ entries }) => entries.length > 0),
  /** It opens an application's port to Pods, and not the one of proxies that listen where they usually do. */
  'opens-without-proxy-port': (policy, settings) =>
    rulesOf(policy).some(
      (rule) => !isSilent(rule) && isApplications(rule.ports) && !hasProxyPort(rule.ports, settings),
    ),
  /** It opens the port of such proxies to clients. */
  'opens-proxy-port': ({ directions }, { inboundPort }) =>
    directions.ingress.rules.some(({ entries, ports }) => entries.length > 0 && hasPort(ports.numbers, inboundPort)),
  /** It opens the port of such proxies, and nothing that an application would have. */
  'opens-only-proxy-port': (policy, settings) =>
    rulesOf(policy).some(({ ports }) => hasProxyPort(ports, settings) && isProxys(ports, settings)),
  'opens-to-addresses': hasAddresses,
  'denies-ports': ({ directions }) =>
    [directions.ingress, directions.egress].some(({ restrictions }) => restrictions.some(isDenial)),
  'names-proxy-port': (policy) =>
    rulesOf(policy).some(({ entries }) => entries.some(({ ports }) => ports.names.includes(proxyPortNames.inbound))),
  filters: (policy) => rulesOf(policy).some(({ entries }) => entries.some(({ filters }) => filters.length > 0)),
  'closes-ingress': ({ directions }) => isClosing(directions.ingress),
  'closes-egress': ({ directions }) => isClosing(directions.egress),
} satisfies Readonly<Record<string, (policy: Policy, settings: LinkerdSettings) => boolean>>

export type Trait = keyof typeof traits

const names = Object.keys(traits) as Trait[]

export function hasTrait(set: Traits, trait: Trait): boolean {
  return (set & bitOf(trait)) !== 0
}

/** What any of these policies has. */
export function traitsOf(policies: readonly Policy[], settings: LinkerdSettings): Traits {
  let set: Traits = 0
  for (const trait of names) if (policies.some((policy) => traits[trait](policy, settings))) set |= bitOf(trait)
  return set
}

/** What it comes to where some proxies listen elsewhere than usual. */
export function wherePortsDiffer(trait: Trait): Trait {
  return hangsOnProxyPort.has(trait) ? 'opens' : trait
}

const hangsOnProxyPort: ReadonlySet<Trait> = new Set([
  'opens-without-proxy-port',
  'opens-proxy-port',
  'opens-only-proxy-port',
])

function bitOf(trait: Trait): Traits {
  return 1 << names.indexOf(trait)
}

function rulesOf({ directions }: Policy): readonly Rule[] {
  return [directions.ingress, directions.egress].flatMap(openingRules)
}

function isApplications({ numbers, names }: Ports): boolean {
  return names.length > 0 || portDifference(numbers, portsOf([dnsPort])).length > 0
}

function hasProxyPort({ numbers, names }: Ports, { inboundPort }: LinkerdSettings): boolean {
  return hasPort(numbers, inboundPort) || names.includes(proxyPortNames.inbound)
}

function isProxys({ numbers, names }: Ports, { inboundPort, adminPort, controlPort }: LinkerdSettings): boolean {
  return names.length === 0 && portDifference(numbers, portsOf([inboundPort, adminPort, controlPort])).length === 0
}

function isClosing({ isolates, restrictions }: Ruling): boolean {
  return isolates || restrictions.length > 0
}
