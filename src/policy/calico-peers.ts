import { isObject, isUnresolved, type Path } from '../k8s/json.ts'
import type { CalicoEntity } from '../k8s/spec-shapes.ts'
import { type Box, pin, requirePresence } from './box.ts'
import { boxesOf, type KeyOf, product } from './calico-boxes.ts'
import { parseCalicoSelector } from './calico-selector.ts'
import { namespaceKey, namespaceNameLabel, type Peer, podKey } from './policy.ts'

const nameKey = namespaceKey + namespaceNameLabel

/** Labels that Calico gives to every Pod (libcalico-go lib/backend/k8s/conversion). */
export const podKeyOf: KeyOf = (key) => {
  if (key === 'projectcalico.org/namespace') return { key: nameKey }
  if (key === 'projectcalico.org/orchestrator') return { value: 'k8s' }
  if (key.startsWith('pcns.')) return namespaceKeyOf(key.slice('pcns.'.length))
  if (key.startsWith('pcsa.') || key === 'projectcalico.org/serviceaccount') return 'unknown'
  return { key: podKey + key }
}

const namespaceKeyOf: KeyOf = (key) => {
  return { key: key === 'projectcalico.org/name' ? nameKey : namespaceKey + key }
}

/** What selectors of a policy's subject or of a peer together select: boxes, or why they cannot be told. */
export type CalicoBoxes = { readonly boxes: readonly Box[] } | { readonly why: string }

/**
 * @param namespace selectors without a namespaceSelector mean this one; empty: any, and what is in none
 */
export function calicoBoxes(
  { selector, notSelector, namespaceSelector }: Pick<CalicoEntity, 'selector' | 'notSelector' | 'namespaceSelector'>,
  namespace: string,
): CalicoBoxes {
  const texts = [selector, notSelector, namespaceSelector]
  if ([...texts, namespaceSelector ? '' : namespace].some(isUnresolved)) return { why: 'a value is not filled in' }
  const parsed = texts.map((text) => parseCalicoSelector(text ?? ''))
  const [pods, not, namespaces] = parsed
  if (!pods || !not || !namespaces) return { why: 'a selector cannot be read' }
  const some: Box = requirePresence(new Map(), nameKey)
  const parts = [
    boxesOf(pods, podKeyOf),
    notSelector ? boxesOf(not, podKeyOf, true) : [new Map()],
    namespaceSelector
      ? namespaces.is === 'global'
        ? []
        : boxesOf(namespaces, namespaceKeyOf)?.map((box): Box => requirePresence(box, nameKey))
      : [namespace === '' ? some : pin(some, nameKey, namespace)],
  ]
  const known = parts.filter((part) => part !== undefined)
  const boxes = known.length < parts.length ? undefined : product(known)
  return boxes ? { boxes } : { why: 'selectors ask for service accounts, or for too much at once' }
}

/**
 * The other end of a rule: `source` on ingress, `destination` on egress. Without any member, everybody.
 *
 * @param approximate told what is not held exactly
 */
export function calicoPeers(
  entity: CalicoEntity,
  path: Path,
  namespace: string,
  approximate: (path: Path, reason: string) => void,
): Peer[] {
  const { selector, notSelector, namespaceSelector, serviceAccounts, services } = entity
  const [nets, notNets] = [textsOf(entity.nets), textsOf(entity.notNets)]
  const unknown = (reason: string): Peer[] => {
    approximate(path, reason)
    return [{ as: 'unknown', path }]
  }
  if (isSet(services)) return unknown('what stands behind Services decides')
  if (isSet(serviceAccounts)) return unknown('service accounts decide')
  const isSelected = [selector, notSelector, namespaceSelector].some((text) => (text ?? '') !== '')
  if (isSelected && nets.length + notNets.length > 0) return unknown('selectors and addresses decide together')
  if (isSelected) {
    const found = calicoBoxes(entity, namespace)
    if ('why' in found) return unknown(found.why)
    return found.boxes.map((box): Peer => ({ as: 'pods', box, outside: false, path }))
  }
  if ([...nets, ...notNets].some(isUnresolved)) return [{ as: 'unknown', path }]
  if (nets.length + notNets.length === 0) return [{ as: 'pods', box: new Map(), outside: true, path }]
  const blocks = nets.length > 0 ? nets : ['0.0.0.0/0', '::/0']
  return blocks.map((cidr): Peer => ({ as: 'addresses', cidr, except: notNets, pods: 'maybe', path }))
}

/** Does the entity say anything of who it is, ports apart? */
export function isRestricted(entity: CalicoEntity): boolean {
  const { selector, notSelector, namespaceSelector, nets, notNets, serviceAccounts, services } = entity
  const texts = [selector, notSelector, namespaceSelector]
  return (
    texts.some((text) => (text ?? '') !== '') ||
    [nets, notNets].some((list) => (list ?? []).length > 0) ||
    isSet(serviceAccounts) ||
    isSet(services)
  )
}

function isSet(value: unknown): boolean {
  return isObject(value) && Object.keys(value).length > 0
}

/** Addresses may be written without a length. */
function textsOf(list: CalicoEntity['nets']): string[] {
  return (list ?? []).map((text) => {
    if (text === null || text.includes('/') || isUnresolved(text)) return text ?? ''
    return `${text}/${text.includes(':') ? 128 : 32}`
  })
}
