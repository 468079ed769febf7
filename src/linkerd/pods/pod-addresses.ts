import { type AddressRange, parseCidr, rangesOverlap, subtractRanges } from '../../policy/cidr.ts'
import type { LinkerdSettings } from '../settings.ts'

/** May Pods live in these addresses? Whether a policy's peer then matches them depends on the network plugin. */
export function mayHoldPods(
  addresses: { readonly cidr: string; readonly except: readonly string[]; readonly pods?: 'maybe' | 'never' },
  settings: LinkerdSettings,
): boolean {
  if (addresses.pods === 'never') return false
  const range = parseCidr(addresses.cidr)
  if (!range) return false
  const except = addresses.except.map(parseCidr).filter((found) => found !== undefined)
  const rest = subtractRanges(range, isExternalIdiom(except) ? [...except, ...sharedAddressSpace] : except)
  const networks = settings.clusterNetworks.map(parseCidr).filter((found) => found !== undefined)
  return rest.some((part) => networks.some((network) => rangesOverlap(part, network)))
}

/** RFC 6598, which people leave out of the idiom below, and mean. */
const sharedAddressSpace = ['100.64.0.0/10'].map(parseCidr).filter((found) => found !== undefined)

/** "Everything but the private ranges of RFC 1918" says: outside the cluster. */
function isExternalIdiom(except: readonly AddressRange[]): boolean {
  const privateRanges = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'].map(parseCidr)
  return privateRanges.every((range) => range !== undefined && subtractRanges(range, except).length === 0)
}
