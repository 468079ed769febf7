import type { analyse } from '../core/analyse.ts'
import { kindsRead, noReads, type Reads, recall, remember } from '../core/derivations.ts'
import type { Finding } from '../core/finding.ts'
import { type KindSet, kindsIn } from '../core/kind-set.ts'
import type { Rule } from '../core/rule.ts'
import type { Snapshot } from '../core/snapshot.ts'
import { isObject, jsonEqual, own } from '../k8s/json.ts'
import { shapes } from '../k8s/kinds.ts'
import type { Resource } from '../k8s/resource.ts'
import type { Projection } from '../k8s/shape.ts'
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
  readonly kinds: KindSet
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
  const text = textOf(whatRulesSee(subject))
  if (text === undefined) return find(noReads())
  const key = digest(text)
  const known = recall(snapshot, 'admitted', rules, key, settings)?.value as Kept | undefined
  if (known && kindsIn(known.kinds).every((kind) => snapshot.trouble(kind) === undefined))
    return { findings: known.findings.map((finding) => ({ ...finding, subject })), failures: [], doubts: [] }

  const reads = noReads()
  const questions = settings.certificates?.questions()
  const found = find(reads)
  const { findings, failures, doubts } = found
  const lasts = failures.length === 0 && doubts.length === 0 && settings.certificates?.questions() === questions
  if (lasts && findings.length <= (isReplica(subject) ? 0 : mostFindings)) {
    const value: Kept = {
      findings: findings.map(lastingPart),
      kinds: kindsRead(reads),
    }
    remember(snapshot, 'admitted', rules, key, { settings, reads, value, holdsAt: snapshot.now })
  }
  return found
}

/** Would every rule say the same of both, in one and the same world? */
export function isSameToRules(left: Resource, right: Resource): boolean {
  return jsonEqual(whatRulesSee(left), whatRulesSee(right))
}

const projection: Projection = { keeps: isPartKept, share: (value) => value }

/**
 * All of an object that a rule can look at.
 *
 * Of Pods that a controller makes from one template, the name and the age are left out: nobody asks for them where nothing is
 * wrong, and findings, which do name the Pod, are not kept for them.
 */
function whatRulesSee(resource: Resource): unknown {
  const { kind, apiVersion, namespace, wire } = resource
  const seen = shapes[kind]?.project(wire, projection) as Readonly<Record<string, unknown>>
  const metadata = seen['metadata']
  const content =
    isReplica(resource) && isObject(metadata)
      ? { ...seen, metadata: { ...metadata, name: null, creationTimestamp: metadata['creationTimestamp'] != null } }
      : seen
  return [kind, apiVersion, namespace, content, own(wire, 'status')]
}

/** Undefined where it is nested too deep to be written. */
function textOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

function lastingPart({ rule, message, text, severity, confidence, path }: Finding): Kept['findings'][number] {
  return { rule, message, text, severity, confidence, path }
}

function isReplica({ kind, metadata }: Resource): boolean {
  return kind === 'Pod' && metadata.ownerReferences?.some((owner) => owner?.controller === true) === true
}
