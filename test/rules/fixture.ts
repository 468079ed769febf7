import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Review, readReview } from '../../src/admission/review.ts'
import { defaultConfig } from '../../src/config/config.ts'
import { analyse } from '../../src/core/analyse.ts'
import type { EnforcementPolicy } from '../../src/core/enforce.ts'
import type { Finding } from '../../src/core/finding.ts'
import type { Rule } from '../../src/core/rule.ts'
import { snapshotOf } from '../../src/core/snapshot.ts'
import type { Stage } from '../../src/core/view.ts'
import { isWatched, type KindName, kinds } from '../../src/k8s/kinds.ts'
import type { Resource } from '../../src/k8s/resource.ts'
import { settingsAmong } from '../../src/linkerd/injection/injector-reach.ts'
import { defaultSettings, type LinkerdSettings } from '../../src/linkerd/settings.ts'
import { loadText } from '../../src/manifests/load.ts'
import type { Loaded } from '../../src/manifests/loading.ts'
import { createCertificateReader } from '../../src/pki/certificate-reader.ts'
import { rules } from '../../src/rules/index.ts'
import { buildApp } from '../../src/server/app.ts'
import { createMetrics } from '../../src/server/metrics.ts'

/**
 * A fixture: real manifests in which the lines that deserve a finding say so at their end, `# expect: <message id> …`.
 * The first line may set what is true of Linkerd: `# meshgate: assume=meshed minor=17`, and the stage, where the other
 * one would not find the same: `stage=admitted`, `stage=declared`.
 */
export interface Fixture {
  readonly rule: string
  readonly name: string
  readonly file: string
  readonly text: string
  readonly settings: LinkerdSettings
  /** Undefined: it holds in both. */
  readonly stage: Stage | undefined
  /** `<line>: <message id>`, sorted. */
  readonly expected: readonly string[]
  /** The text after `--fix`, where the fixture has one; the same text where there must be no fix. */
  readonly fixed: string | undefined
}

const home = import.meta.dirname

/** Certificates in fixtures are made for this day: those that are good began on 2026-01-01 and live for a hundred years. */
const certificates = {
  reader: createCertificateReader(),
  nowMs: () => Date.parse('2026-06-01T00:00:00Z'),
  served: () => [],
}

/** Every fixture of every rule. */
export function fixtures(): Fixture[] {
  return readdirSync(home, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => fixturesOf(entry.name))
}

function fixturesOf(rule: string): Fixture[] {
  const names = readdirSync(join(home, rule)).toSorted()
  return names
    .filter((name) => name.endsWith('.yaml') && !name.endsWith('.fixed.yaml'))
    .map((name) => {
      const file = `${rule}/${name}`
      const text = readFileSync(join(home, file), 'utf8')
      const fixed = name.replace(/\.yaml$/, '.fixed.yaml')
      return {
        rule,
        name: name.replace(/\.yaml$/, ''),
        file,
        text,
        ...readHeader(text, file),
        expected: readExpectations(text),
        fixed: names.includes(fixed) ? readFileSync(join(home, rule, fixed), 'utf8') : undefined,
      }
    })
}

function readHeader(text: string, file: string): { settings: LinkerdSettings; stage: Stage | undefined } {
  const settings: Record<string, unknown> = { ...defaultSettings, certificates }
  let stage: Stage | undefined
  const words = /^# meshgate:(.*)/.exec(text)?.[1]?.trim().split(/\s+/) ?? []
  for (const word of words) {
    const [key = '', value = ''] = word.split('=')
    if (key === 'stage' && (value === 'declared' || value === 'admitted')) stage = value
    else if (!Object.hasOwn(defaultSettings, key)) throw new Error(`${file}: no setting ${key}`)
    else if (typeof settings[key] === 'number') settings[key] = Number(value)
    else if (typeof settings[key] === 'boolean') settings[key] = value === 'true'
    else if (Array.isArray(settings[key])) settings[key] = value === '' ? [] : value.split(',')
    else settings[key] = value
  }
  return { settings: settings as unknown as LinkerdSettings, stage }
}

function readExpectations(text: string): string[] {
  return text
    .split('\n')
    .flatMap((line, i) => {
      const ids = /# expect: (.*)$/.exec(line.trimEnd())?.[1]?.split(/[ ,]+/) ?? []
      return ids.map((id) => `${i + 1}: ${id}`)
    })
    .toSorted()
}

function ruleOf(fixture: Fixture): Rule<LinkerdSettings> {
  const rule = rules.find((candidate) => candidate.id === fixture.rule)
  if (!rule) throw new Error(`no rule ${fixture.rule}`)
  return rule
}

/** What the fixture's rule says of these manifests. */
export function judgeFixture(
  fixture: Fixture,
  loaded: Loaded,
  stage: Stage = fixture.stage ?? 'declared',
  onRead?: (kind: KindName) => void,
): Finding[] {
  const snapshot = snapshotOf(loaded.resources, 'input')
  const { findings, failures } = analyse({
    subjects: loaded.resources,
    snapshot,
    rules: [ruleOf(fixture)],
    settings: settingsAmong(snapshot, fixture.settings, stage),
    stage,
    onRead: (_, kind) => onRead?.(kind),
  })
  const [failure] = failures
  if (failure) throw failure.error
  return findings
}

/** The fixture's manifests, which must all be readable. */
export function loadFixture(fixture: Fixture, text = fixture.text): Loaded {
  return loadText(fixture.file, text)
}

/** A fixture's document as the webhook was asked about it, and what it answered. */
export interface Reviewed {
  readonly subject: Resource
  readonly review: Review
  readonly answer: unknown
}

/** Sends each document through the webhook as an API server would, with the others as snapshot. */
export async function reviewFixture(fixture: Fixture, loaded: Loaded): Promise<Reviewed[]> {
  const config = { ...defaultConfig, linkerd: fixture.settings, enforcement: denying(fixture.rule) }
  const reviewed: Reviewed[] = []
  // Secrets and ConfigMaps are never sent.
  for (const subject of loaded.resources.filter(({ kind }) => isWatched(kind))) {
    const snapshot = snapshotOf(
      loaded.resources.filter((other) => other !== subject),
      'input',
    )
    const { server } = buildApp({
      court: { rules: [ruleOf(fixture)], snapshot, config },
      metrics: createMetrics(),
      clock: () => 0,
    })
    const { group, kind } = kinds[subject.kind]
    const body = {
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      request: {
        uid: 'fixture',
        operation: 'CREATE',
        kind: { group, version: subject.apiVersion.split('/').at(-1), kind },
        namespace: subject.kind === 'Namespace' ? subject.name : subject.namespace,
        name: subject.name,
        object: subject.wire,
      },
    }
    const read = readReview(body)
    if ('reason' in read) throw new Error(read.reason)
    const headers = { 'content-type': 'application/json' }
    const response = await server.inject({ method: 'POST', url: '/validate', headers, payload: JSON.stringify(body) })
    if (response.statusCode !== 200) throw new Error(`${fixture.file}: ${response.body}`)
    reviewed.push({ subject, review: read.review, answer: response.json() })
  }
  return reviewed
}

/** The rule denies: then the answer says in full what was found, as far as it is sure. */
export function denying(rule: string): EnforcementPolicy {
  return { ceiling: 'deny', rules: new Map([[rule, { enforcement: 'deny' }]]), suppressDenials: false, exemptions: [] }
}

/** Findings in the form of {@link Fixture.expected}. */
export function linesOf(findings: readonly Finding[], loaded: Loaded): string[] {
  return findings
    .map((finding) => {
      const source = loaded.sources.get(finding.subject)
      const place = source?.document.place([...source.prefix, ...finding.path], finding.entry)
      return `${place?.line}: ${finding.message}`
    })
    .toSorted()
}
