import type { ParsedCertificate } from './parse-certificate.ts'
import type { NameSpace } from './read-extensions.ts'

/**
 * Which name of a chain one of its CAs may not certify, or undefined. Each CA's constraints hold for every certificate below
 * it (RFC 5280 §4.2.1.10), for DNS names and IP addresses; those of mail addresses and URIs, which no server asks for, are not
 * compared.
 *
 * @param chain leaf first
 */
export function whyNotPermitted(chain: readonly ParsedCertificate[]): string | undefined {
  for (const [i, { permitted, excluded }] of chain.entries())
    for (const below of chain.slice(0, i)) {
      const wrong = outside(below, permitted) ?? inside(below, excluded)
      if (wrong !== undefined) return wrong
    }
  return undefined
}

function outside(certificate: ParsedCertificate, permitted: NameSpace | undefined): string | undefined {
  if (permitted === undefined) return undefined
  const { domains, networks } = permitted
  const domain = certificate.dnsNames.find((name) => !domains.some((domain) => isBelow(name.toLowerCase(), domain)))
  if (domains.length > 0 && domain !== undefined) return `DNS name "${domain}" is not permitted by any constraint`
  const address = certificate.addresses.some((one) => !networks.some((network) => isWithin(one, network)))
  return networks.length > 0 && address ? 'an IP address is not permitted by any constraint' : undefined
}

function inside(certificate: ParsedCertificate, excluded: NameSpace | undefined): string | undefined {
  if (excluded === undefined) return undefined
  const { domains, networks } = excluded
  const domain = certificate.dnsNames.find((name) => domains.some((one) => isExcluded(name.toLowerCase(), one)))
  if (domain !== undefined) return `DNS name "${domain}" is excluded by a constraint`
  const address = certificate.addresses.some((one) => networks.some((network) => isWithin(one, network)))
  return address ? 'an IP address is excluded by a constraint' : undefined
}

/** The empty constraint is every name; a leading dot demands one more label. */
function isBelow(name: string, domain: string): boolean {
  if (domain === '' || name === domain) return true
  return name.endsWith(domain.startsWith('.') ? domain : `.${domain}`)
}

/** A wildcard also touches an excluded name that it could stand for. */
function isExcluded(name: string, domain: string): boolean {
  if (isBelow(name, domain)) return true
  const dot = domain.indexOf('.')
  return name.startsWith('*.') && dot >= 0 && name.slice(1) === domain.slice(dot)
}

function isWithin(address: Uint8Array, network: Uint8Array): boolean {
  const size = address.length
  if (network.length !== 2 * size) return false
  return address.every((byte, i) => {
    const mask = network[size + i] ?? 0
    return (byte & mask) === ((network[i] ?? 0) & mask)
  })
}
