import type { analyse } from '../core/analyse.ts'
import { kindsRead, noReads, type Reads, recall, remember } from '../core/derivations.ts'
import type { Finding } from '../core/finding.ts'
import { kindsIn } from '../core/kind-set.ts'
import type { Rule } from '../core/rule.ts'
import type { Snapshot } from '../core/snapshot.ts'
import { own } from '../k8s/json.ts'
import { type KindName, shapes } from '../k8s/kinds.ts'
import { isMadeByController, type Resource } from '../k8s/resource.ts'
import { isPartKept } from '../linkerd/kept-parts.ts'
import type { LinkerdSettings } from '../linkerd/settings.ts'

type Found = ReturnType<typeof analyse>

/** In which world an object is judged. */
export interface Surroundings {
  /** Without the object: it is handed over each time. */
  readonly snapshot: Snapshot
  readonly rules: readonly Rule<LinkerdSettings>[]
  readonly settings: LinkerdSettings
  /** Makes a text short: no two that anybody can find may become the same. */
  readonly digest: (text: string) => string
}

/** What is kept: of an object only what was found on it. */
interface Kept {
  readonly findings: readonly Omit<Finding, 'subject' | 'fix'>[]
  /** Where rules looked. */
  readonly kinds: readonly KindName[]
}

/** An object with more findings is a rare one, and its findings would fill the memory. */
const mostFindings = 20

/**
 * What rules find on an object that is admitted, without asking them again about what they have judged before: a tool that
 * applies everything every few minutes, a controller that touches an annotation of its own, the hundredth Pod of a rollout.
 *
 * It holds for as long as a derived value does: until something changes in a place that a rule looked at. What rests on the
 * time or on a kind that is in trouble is not kept, nor given back. Findings that are given back have no fix.
 */
export function findOnce(subject: Resource, around: Surroundings, find: (reads: Reads) => Found): Found {
  const { snapshot, rules, settings, digest } = around
  const text = whatRulesSee(subject)
  if (text === undefined) return find(noReads())
  const key = digest(text)
  const known = recall(snapshot, 'admitted', rules, key, settings)?.value as Kept | undefined
  if (known?.kinds.every((kind) => snapshot.trouble(kind) === undefined))
    return { findings: known.findings.map((finding) => ({ ...finding, subject })), failures: [], doubts: [] }

  const reads = noReads()
  const questions = settings.certificates?.questions()
  const found = find(reads)
  const { findings, failures, doubts } = found
  const lasts = failures.length === 0 && doubts.length === 0 && settings.certificates?.questions() === questions
  if (lasts && findings.length <= (isReplica(subject) ? 0 : mostFindings)) {
    const value: Kept = {
      findings: findings.map(lastingPart),
      kinds: kindsIn(kindsRead(reads)),
    }
    remember(snapshot, 'admitted', rules, key, { settings, reads, value, holdsAt: snapshot.now })
  }
  return found
}

/** Would every rule say the same of both, in one and the same world? */
export function isSameToRules(left: Resource, right: Resource): boolean {
  const text = whatRulesSee(left)
  return text !== undefined && text === whatRulesSee(right)
}

/**
 * All of an object that a rule can look at, as a text; undefined where it is nested too deep for one.
 *
 * Of Pods that a controller makes from one template, the name and the age are left out: nobody asks for them where nothing is
 * wrong, and findings, which do name the Pod, are not kept for them.
 */
function whatRulesSee(resource: Resource): string | undefined {
  const { kind, apiVersion, namespace, metadata, wire } = resource
  const { creationTimestamp } = metadata
  const seen = isReplica(resource)
    ? { ...wire, metadata: { ...metadata, name: null, creationTimestamp: creationTimestamp && 'some' } }
    : wire
  try {
    const status = JSON.stringify(own(wire, 'status'))
    return `${kind} ${apiVersion} ${namespace} ${shapes[kind]?.spell(seen, isPartKept)}${status ?? ''}`
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

function lastingPart({ rule, message, text, severity, confidence, path }: Finding): Kept['findings'][number] {
  return { rule, message, text, severity, confidence, path }
}

function isReplica({ kind, metadata }: Resource): boolean {
  return kind === 'Pod' && isMadeByController(metadata)
}
