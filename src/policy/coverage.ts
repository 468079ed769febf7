import { type Box, isEmpty, splitBox } from './box.ts'
import type { Action } from './policy.ts'

/** A decision about one port, for the pairs of Pods in a box. */
export interface Claim {
  readonly box: Box
  readonly action: Action
  readonly tier: number
}

/** A part of a box, and what becomes of every pair in it. */
interface Part {
  readonly box: Box
  readonly action: 'allow' | 'deny'
}

/** More work than any real policy set needs; beyond it the answer is not known. */
const mostSteps = 10_000

/**
 * Cuts a box into parts that share nothing and are each allowed or denied whole, by the first claim that holds them (after
 * `pass`, the first of a later tier). What no claim holds is allowed. Undefined when that would take too long.
 *
 * @param claims in the order in which they are asked
 */
export function partsOf(box: Box, claims: readonly Claim[]): Part[] | undefined {
  const parts: Part[] = []
  const pending: { readonly rest: Box; readonly index: number }[] = [{ rest: box, index: 0 }]
  for (let steps = 0; ; steps++) {
    const next = pending.pop()
    if (next === undefined) return parts
    if (steps > mostSteps) return undefined
    const { rest, index } = next
    const claim = claims[index]
    if (claim === undefined) {
      if (!isEmpty(rest)) parts.push({ box: rest, action: 'allow' })
      continue
    }
    const { outside, inside } = splitBox(rest, claim.box)
    pending.push(...outside.map((part) => ({ rest: part, index: index + 1 })))
    if (inside === undefined || isEmpty(inside)) continue
    if (claim.action !== 'pass') parts.push({ box: inside, action: claim.action })
    else {
      const later = claims.findIndex(({ tier }, i) => i > index && tier > claim.tier)
      pending.push({ rest: inside, index: later < 0 ? claims.length : later })
    }
  }
}

/** The parts of a box that are allowed, or undefined when that would take too long to tell. */
export function allowedParts(box: Box, claims: readonly Claim[]): Box[] | undefined {
  return partsOf(box, claims)?.flatMap((part) => (part.action === 'allow' ? [part.box] : []))
}

/**
 * A part of a box that is allowed by the claims about one port and denied by those about another; undefined when there is
 * none, `unknown` when that would take too long to tell.
 */
export function allowedButDenied(
  box: Box,
  allowing: readonly Claim[],
  denying: readonly Claim[],
): Box | undefined | 'unknown' {
  const allowed = allowedParts(box, allowing)
  if (allowed === undefined) return 'unknown'
  let unknown = false
  for (const part of allowed) {
    const parts = partsOf(part, denying)
    if (parts === undefined) unknown = true
    const denied = parts?.find(({ action }) => action === 'deny')
    if (denied) return denied.box
  }
  return unknown ? 'unknown' : undefined
}
