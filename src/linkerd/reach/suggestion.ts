import { type Ends, endsOf, type ReachView } from './reach-ends.ts'
import { type Link, reachabilityOf } from './reachability.ts'

/** Objects that a person may want to add, and what to know before. */
export interface Suggestion {
  /** One line each. */
  readonly remarks: readonly string[]
  readonly objects: readonly Readonly<Record<string, unknown>>[]
}

/** What a suggestion is made from: everybody who reaches whom, and the links that are broken by the policies in question. */
export interface Basis {
  readonly world: Ends
  readonly links: readonly Link[]
  readonly broken: readonly Link[]
}

/** Links whose break is caused by one of these objects. */
export function basisOf(view: ReachView, policies: ReadonlySet<object>): Basis {
  const { links } = reachabilityOf(view, { from: always, to: always, namespace: always, every: false })
  const isMeant = ({ verdict, causes }: Link) =>
    verdict === 'broken' &&
    causes.some(({ rule, policy }) => rule === 'network-policy-omits-proxy-port' && policies.has(policy))
  return { world: endsOf(view), links, broken: links.filter(isMeant) }
}

function always(): true {
  return true
}
