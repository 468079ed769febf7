import { bitsOf, DerError, type DerReader, derReader, type Element, oidText, smallInteger, tags } from './der.ts'

/** The extensions that verification looks at (RFC 5280 §4.2.1). */
export interface Extensions {
  readonly dnsNames: readonly string[]
  /** IP addresses of the subjectAltName, as bytes. */
  readonly addresses: readonly Uint8Array[]
  /** The subjectAltName as it is encoded, or undefined: two certificates with different ones are not one. */
  readonly altNames: string | undefined
  readonly hasBasicConstraints: boolean
  readonly isCa: boolean
  /** Most certificates that may come between this one and the leaf; undefined is any number. */
  readonly pathLength: number | undefined
  /** May the key sign certificates? Undefined where the extension is absent. */
  readonly mayCertSign: boolean | undefined
  /** Extended key usages as object identifiers; empty is any. */
  readonly usages: readonly string[]
  readonly permitted: NameSpace | undefined
  readonly excluded: NameSpace | undefined
  /** Critical extensions that Go does not understand. */
  readonly unhandled: readonly string[]
}

/** Names below which a CA may, or must not, certify. Those of mail addresses and URIs are not compared. */
export interface NameSpace {
  readonly domains: readonly string[]
  /** Address followed by mask, 8 or 32 bytes. */
  readonly networks: readonly Uint8Array[]
}

const id = {
  subjectKey: '2.5.29.14',
  keyUsage: '2.5.29.15',
  altNames: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  authorityKey: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  authorityInfo: '1.3.6.1.5.5.7.1.1',
} as const

/** Extensions that Go reads, and verification here does not need: CRL points, policies, their mappings and constraints. */
const understood = new Set(['2.5.29.31', '2.5.29.32', '2.5.29.33', '2.5.29.36', '2.5.29.54'])

const none: Extensions = {
  dnsNames: [],
  addresses: [],
  altNames: undefined,
  hasBasicConstraints: false,
  isCa: false,
  pathLength: undefined,
  mayCertSign: undefined,
  usages: [],
  permitted: undefined,
  excluded: undefined,
  unhandled: [],
}

/**
 * Reads the extensions of a certificate as crypto/x509's processExtensions does.
 *
 * @param field the field `[3] EXPLICIT Extensions`
 * @throws DerError
 */
export function readExtensions(field: Element | undefined): Extensions {
  if (field === undefined) return none
  const found: { -readonly [K in keyof Extensions]: Extensions[K] } = { ...none }
  const unhandled: string[] = []
  const seen = new Set<string>()
  const list = derReader(derReader(field.content).take(tags.sequence, 'extensions').content)
  while (list.peek() !== undefined) {
    const extension = derReader(list.take(tags.sequence, 'extension').content)
    const oid = oidText(extension.take(tags.oid, 'extension'))
    const critical = extension.takeIf(tags.boolean)?.content[0] === 0xff
    const value = derReader(extension.take(tags.octetString, 'extension').content)
    if (seen.has(oid)) throw new DerError(`certificate contains duplicate extension with OID "${oid}"`)
    seen.add(oid)
    switch (oid) {
      case id.keyUsage: {
        const { bytes } = bitsOf(value.take(tags.bitString, 'key usage'))
        // keyCertSign is bit 5. A usage of no bits at all is as good as none.
        found.mayCertSign = bytes.some((byte) => byte !== 0) ? ((bytes[0] ?? 0) & 0x04) !== 0 : undefined
        break
      }
      case id.basicConstraints: {
        const constraints = derReader(value.take(tags.sequence, 'basic constraints').content)
        found.hasBasicConstraints = true
        found.isCa = constraints.takeIf(tags.boolean)?.content[0] === 0xff
        const length = constraints.takeIf(tags.integer)
        found.pathLength = length ? smallInteger(length) : undefined
        if ((found.pathLength ?? 0) < 0) throw new DerError('invalid basic constraints')
        break
      }
      case id.altNames: {
        const names = value.take(tags.sequence, 'subject alternative names')
        const read = readNames(derReader(names.content))
        found.dnsNames = read.domains
        found.addresses = read.networks
        found.altNames = Buffer.from(names.raw).toString('hex')
        if (read.count === 0 && critical) unhandled.push(oid)
        break
      }
      case id.nameConstraints: {
        const constraints = derReader(value.take(tags.sequence, 'NameConstraints extension').content)
        const permitted = constraints.takeIf(0xa0)
        const excluded = constraints.takeIf(0xa1)
        if (!permitted?.content.length && !excluded?.content.length)
          throw new DerError('empty name constraints extension')
        let strange = false
        const space = (subtrees: Element | undefined) => {
          const read = subtrees && readSubtrees(subtrees)
          strange ||= read?.strange === true
          return read
        }
        found.permitted = space(permitted)
        found.excluded = space(excluded)
        if (strange && critical) unhandled.push(oid)
        break
      }
      case id.extendedKeyUsage: {
        const usages = derReader(value.take(tags.sequence, 'extended key usages').content)
        const oids: string[] = []
        while (usages.peek() !== undefined) oids.push(oidText(usages.take(tags.oid, 'extended key usages')))
        found.usages = oids
        break
      }
      case id.subjectKey:
      case id.authorityKey:
      case id.authorityInfo:
        if (critical) throw new DerError(`extension ${oid} incorrectly marked critical`)
        break
      default:
        if (critical && !understood.has(oid)) unhandled.push(oid)
    }
  }
  return { ...found, unhandled }
}

const general = { mail: 1, dns: 2, uri: 6, address: 7 } as const

function readNames(names: DerReader): { domains: string[]; networks: Uint8Array[]; count: number } {
  const domains: string[] = []
  const networks: Uint8Array[] = []
  let count = 0
  while (names.peek() !== undefined) {
    const { tag, content } = names.any('subject alternative name')
    const kind = tag ^ 0x80
    if (kind === general.dns) domains.push(ia5Text(content, 'SAN dNSName is malformed'))
    else if (kind === general.mail) ia5Text(content, 'SAN rfc822Name is malformed')
    else if (kind === general.uri) ia5Text(content, 'SAN uniformResourceIdentifier is malformed')
    else if (kind === general.address) {
      if (content.length !== 4 && content.length !== 16)
        throw new DerError(`cannot parse IP address of length ${content.length}`)
      networks.push(content)
    } else continue
    count++
  }
  return { domains, networks, count }
}

function readSubtrees({ content }: Element): NameSpace & { readonly strange: boolean } {
  const domains: string[] = []
  const networks: Uint8Array[] = []
  let strange = false
  const subtrees = derReader(content)
  while (subtrees.peek() !== undefined) {
    const base = derReader(subtrees.take(tags.sequence, 'NameConstraints extension').content).any('NameConstraints')
    const kind = base.tag ^ 0x80
    if (kind === general.dns) domains.push(ia5Text(base.content, 'invalid constraint value').toLowerCase())
    else if (kind === general.address) {
      if (base.content.length !== 8 && base.content.length !== 32)
        throw new DerError(`IP constraint contained value of length ${base.content.length}`)
      networks.push(base.content)
    } else if (kind !== general.mail && kind !== general.uri) strange = true
  }
  return { domains, networks, strange }
}

function ia5Text(bytes: Uint8Array, otherwise: string): string {
  if (bytes.some((byte) => byte > 127)) throw new DerError(otherwise)
  return Buffer.from(bytes).toString('latin1')
}
