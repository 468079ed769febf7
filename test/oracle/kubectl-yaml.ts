import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { isObject, jsonEqual, own } from '../../src/k8s/json.ts'
import { loadText } from '../../src/manifests/load.ts'
import { readValue } from '../../src/manifests/read-document.ts'

/*
 * Generated YAML, read by us and by the real kubectl (`annotate --local` needs no cluster): what kubectl takes we must take, with
 * the same value. Prints `N of M agree`. Usage: node test/oracle/kubectl-yaml.ts KUBECTL
 */

const [kubectl = 'kubectl'] = process.argv.slice(2)
const perCall = 500

type Reading = { readonly value: unknown } | { readonly refused: string }

/** What kubectl makes of each text, which must be a manifest of its own, named `c<index>`; the answer is its `spec`. */
function askKubectl(texts: readonly string[]): Reading[] {
  const folder = mkdtempSync(join(tmpdir(), 'meshgate-yaml-'))
  try {
    for (const [i, text] of texts.entries()) writeFileSync(join(folder, `c${i}.yaml`), text)
    const args = ['annotate', '--local', '-o', 'json', '-f', folder, 'seen=yes']
    const { stdout, stderr, error } = spawnSync(kubectl, args, { encoding: 'utf8', maxBuffer: 2 ** 29 })
    if (error) throw error
    const readings: Reading[] = texts.map(() => ({ refused: 'no answer' }))
    for (const [, i, refused = ''] of stderr.matchAll(/\/c(\d+)\.yaml"?: (.*)/g)) readings[Number(i)] = { refused }
    for (const text of stdout.split(/\n(?=\{\n)/)) {
      const { metadata, spec } = JSON.parse(text)
      readings[Number(metadata.name.slice(1))] = { value: spec }
    }
    return readings
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function readOurs(text: string): Reading {
  const read = readValue(text)
  if ('failure' in read) return { refused: read.failure }
  return { value: isObject(read.value) ? own(read.value, 'spec') : undefined }
}

const piece = fc.constantFrom(
  ...'0 1 7 8 9 _ . - + e E x X o O b a f : T Z ~ 00 0x 0b 0o 1e inf nan NaN 2024-01-01 true yes on off null = << % @ \' " / $ é'.split(
    ' ',
  ),
)
const scalar = fc.array(piece, { minLength: 1, maxLength: 6 }).map((pieces) => pieces.join(''))
/*
 * Known differences, left out: within brackets YAML 1.2 takes a final colon for a key's and a lone dash for an item's, kubectl for
 * a text; a fraction or a large exponent as a key is written as Go writes a 32-bit float; and a null key is not seen in a map that
 * a second key of the same name replaces.
 */
const inBrackets = scalar.filter((text) => !text.endsWith(':') && text !== '-')
const key = fc.oneof(
  fc.constantFrom('a', 'b', 'c', '<<', 'on', '1', '017'),
  inBrackets.filter((text) => !/^(?:[-+.\d].*[.eE].*|~|null)$/.test(text)),
)

/** A value in flow style, with anchors, aliases, merges and keys that occur twice. */
const { flow } = fc.letrec<{ flow: string }>((tie) => ({
  flow: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 3, arbitrary: inBrackets },
    fc.constantFrom(
      '"x"',
      "'y'",
      '*m',
      '!!str 1',
      '!local 2',
      '!!int "3"',
      '{e: 1}',
      '[]',
      '&n {e: 2}',
      '*n',
      '[*m, *n]',
    ),
    fc
      .array(fc.tuple(key, tie('flow')), { maxLength: 4 })
      .map((pairs) => `{${pairs.map(([k, v]) => `${k}: ${v}`).join(', ')}}`),
    fc.array(tie('flow'), { maxLength: 3 }).map((items) => `[${items.join(', ')}]`),
  ),
}))

const cases = [
  ...fc.sample(scalar, { numRuns: 6000, seed: 1 }).map((text) => ` ${text}`),
  ...fc
    .sample(fc.array(fc.tuple(key, flow), { minLength: 1, maxLength: 4 }), { numRuns: 6000, seed: 2 })
    .map((pairs) => `\n  m: &m {e: 9, f: 8}\n${pairs.map(([k, v]) => `  ${k}: ${v}\n`).join('')}`),
]

let agreed = 0
let taken = 0
for (let at = 0; at < cases.length; at += perCall) {
  const texts = cases
    .slice(at, at + perCall)
    .map((text, i) => `apiVersion: v1\nkind: Case\nmetadata:\n  name: c${i}\nspec:${text}\n`)
  const theirs = askKubectl(texts)
  for (const [i, text] of texts.entries()) {
    const [their, our] = [theirs[i], readOurs(text)]
    if (!their || 'refused' in their) {
      // kubectl's scanner refuses more than YAML does; to read what nobody can apply harms nobody.
      agreed++
      continue
    }
    taken++
    if ('value' in our && jsonEqual(our.value ?? null, their.value ?? null)) agreed++
    else console.log(`kubectl ${JSON.stringify(their)}, meshgate ${JSON.stringify(our)}:\n${text}`)
  }
}
/*
 * Streams of markers, directives and comments around whole objects: kubectl must refuse those, or pass over an object of those,
 * and only those, of which we say so.
 */
const object = (i: number) => `apiVersion: v1\nkind: Namespace\nmetadata:\n  name: n${i}\n`
const inline = (i: number) => `--- {apiVersion: v1, kind: Namespace, metadata: {name: n${i}}}\n`
const between = [
  '---\n',
  '--- # c\n',
  '---\t\n',
  '# c\n',
  '\n',
  '...\n',
  '%YAML 1.1\n',
  '%YAML 1.2\n',
  '%TAG ! tag:e,2:\n',
]
const streams = fc
  .sample(
    fc.array(fc.constantFrom(...between, ...between, 'object', 'object', 'object', 'inline'), {
      minLength: 1,
      maxLength: 7,
    }),
    {
      numRuns: 1500,
      seed: 3,
    },
  )
  .map((parts) =>
    parts.map((part, i) => (part === 'object' ? object(i) : part === 'inline' ? inline(i) : part)).join(''),
  )
  // What follows itself without a marker is one map that writes everything twice, and a directive there is none. Without a marker
  // behind it a directive is no YAML; behind a `...` kubectl passes over that, too.
  .filter(
    (text) =>
      text.includes('apiVersion') &&
      !/name: n\d+\}*\n(?:#.*\n|\n)*(?:apiVersion|%)|^%.*\n(?:[#%].*\n|\n)*apiVersion/m.test(text),
  )
let refusals = 0
let notWhole = 0
let streamsAgreed = 0
const folder = mkdtempSync(join(tmpdir(), 'meshgate-yaml-'))
for (const [i, text] of streams.entries()) {
  const file = join(folder, `s${i}.yaml`)
  writeFileSync(file, text)
  const { status, stdout, stderr } = spawnSync(kubectl, ['annotate', '--local', '-o', 'name', '-f', file, 'seen=yes'], {
    encoding: 'utf8',
  })
  const { failures: ours, resources } = loadText(file, text)
  if (status !== 0) refusals++
  const isWhole = status === 0 && stdout.trim() === resources.map(({ name }) => `namespace/${name}`).join('\n')
  if (!isWhole) notWhole++
  if (isWhole === (ours.length === 0)) streamsAgreed++
  else console.log(`kubectl: ${stderr.trim() || stdout.trim()}, meshgate ${JSON.stringify(ours)}:\n${text}`)
}
rmSync(folder, { recursive: true })
console.log(
  `${refusals} of ${streams.length} streams are refused by kubectl, ${notWhole - refusals} in part passed over`,
)
console.log(`${streamsAgreed} of ${streams.length} streams agree`)

console.log(`${taken} of ${cases.length} texts are YAML for kubectl`)
console.log(`${agreed} of ${cases.length} agree`)
process.exitCode = agreed === cases.length && streamsAgreed === streams.length ? 0 : 1
