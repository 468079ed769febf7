import { isUnresolved, own, type Path } from '../k8s/json.ts'
import { isUnresolvedSelector } from '../k8s/selector.ts'
import type { AdminPeer, AdminSubject, LabelSelector } from '../k8s/spec-shapes.ts'
import { type Box, boxOf, intersect, requirePresence } from './box.ts'
import {
  type Action,
  type AllowRule,
  type Note,
  namespaceKey,
  namespaceNameLabel,
  nobody,
  type Peer,
  type PortEntry,
  type Ports,
  podKey,
  type Rule,
  type Ruling,
} from './policy.ts'
import { everyPort, uniteEntries } from './ports.ts'

/*
 * What both versions of the network policy API say alike: subjects, peers, and rules that are asked one after the other.
 */

/** The action of a word, or undefined where the API has no such word. */
export function actionOfName(
  actions: Readonly<Record<string, Action>>,
  word: string | null | undefined,
): Action | undefined {
  return own(actions, word ?? '')
}

/** Whom a policy is about. */
export function adminSubject(
  subject: AdminSubject | null | undefined,
  notes: Note[],
): { readonly box: Box; readonly unknown: boolean } {
  const { namespaces, pods } = subject ?? {}
  if (namespaces != null) return podsIn(namespaces, undefined)
  if (pods != null) return podsIn(pods.namespaceSelector, pods.podSelector)
  notes.push({ as: 'approximated', path: ['spec', 'subject'], reason: 'neither namespaces nor pods' })
  return { box: new Map(), unknown: true }
}

function podsIn(
  namespaces: LabelSelector | null | undefined,
  pods: LabelSelector | null | undefined,
): { readonly box: Box; readonly unknown: boolean } {
  const [where, which] = [boxOf(namespaces, namespaceKey), boxOf(pods, podKey)]
  const box = where && which ? requirePresence(intersect(where, which), namespaceKey + namespaceNameLabel) : nobody
  return { box, unknown: isUnresolvedSelector(namespaces) || isUnresolvedSelector(pods) }
}

/** Each element says exactly one thing; one that says nothing known may mean anybody ("fail closed"). */
export function adminPeers(list: readonly (AdminPeer | null)[] | null | undefined, path: Path, notes: Note[]): Peer[] {
  return (list ?? []).flatMap((peer, i): Peer[] => {
    const at = [...path, i]
    const { namespaces, pods, nodes, networks, domainNames } = peer ?? {}
    if (namespaces != null || pods != null) {
      const { box, unknown } =
        namespaces == null ? podsIn(pods?.namespaceSelector, pods?.podSelector) : podsIn(namespaces, undefined)
      return [unknown ? { as: 'unknown', path: at } : { as: 'pods', box, outside: false, path: at }]
    }
    if (nodes != null) return [{ as: 'outsiders', names: ['node'], path: at }]
    if (domainNames != null) return [{ as: 'outsiders', names: ['fqdn'], path: at }]
    if (networks != null)
      return networks.map(
        (cidr): Peer =>
          isUnresolved(cidr)
            ? { as: 'unknown', path: at }
            : { as: 'addresses', cidr: cidr ?? '', except: [], pods: 'maybe', path: at },
      )
    notes.push({ as: 'approximated', path: at, reason: 'a kind of peer that is not known' })
    return [{ as: 'unknown', path: at }]
  })
}

interface AdminRule {
  readonly action: Action | undefined
  readonly peers: readonly Peer[]
  readonly ports: readonly Ports[]
}

/** Rules in the order in which they are asked. */
export function adminRuling(
  rules: readonly AdminRule[],
  { path, member, order, notes }: { path: Path; member: string; order: number; notes: Note[] },
): Ruling {
  const read = rules.flatMap(({ action, peers, ports }, index): Rule[] => {
    const at = [...path, index]
    if (action === undefined) {
      notes.push({ as: 'approximated', path: [...at, 'action'], reason: 'an unknown action' })
      return []
    }
    const entries = ports.map((one, i): PortEntry => ({ ports: one, path: [...at, member, i], filters: [] }))
    return [
      { action, index, order, path: at, peers, entries, ports: entries.length > 0 ? uniteEntries(entries) : everyPort },
    ]
  })
  return {
    isolates: false,
    rules: read.filter((rule): rule is AllowRule => rule.action === 'allow'),
    restrictions: read.filter(({ action }) => action !== 'allow'),
  }
}
