import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { isObject, jsonEqual, type Path } from '../../src/k8s/json.ts'
import { parseSource } from '../../src/manifests/document.ts'
import { type ReadDocument, readDocuments, readValue } from '../../src/manifests/read-document.ts'

/*
 * Values come from js-yaml, positions from `yaml`. Whatever the first reads the second must read too, and the same; and the
 * place of each scalar must be where that scalar stands.
 */

const corpus = process.env['MESHGATE_CORPUS'] ?? join(import.meta.dirname, '../../../shared/corpus')
const skip = !existsSync(corpus) && 'set MESHGATE_CORPUS to a folder of manifests'
const examples = join(import.meta.dirname, '../..')

function documentsBelow(folder: string): (ReadDocument & { readonly whole: string })[] {
  return globSync('**/*.{yaml,yml,json}', { cwd: folder, exclude: ['**/node_modules/**', '**/package-lock.json'] })
    .toSorted()
    .flatMap((file) => {
      const whole = readFileSync(join(folder, file), 'utf8')
      return readDocuments(file, whole).map((read) => ({ ...read, whole }))
    })
}

/** Every value that is no map and no list, with its path. */
function* leaves(value: unknown, path: Path = []): Generator<readonly [Path, unknown]> {
  if (Array.isArray(value)) for (const [i, item] of value.entries()) yield* leaves(item, [...path, i])
  else if (isObject(value)) for (const key of Object.keys(value)) yield* leaves(value[key], [...path, key])
  else yield [path, value]
}

/*
 * js-yaml reads some texts that YAML forbids, and so does nobody else: kubectl refuses them as `yaml` does (seen for each of these
 * kinds). Then no position is wrong that anybody could apply.
 */
const onlyJsYaml: ReadonlySet<string> = new Set([
  'BLOCK_AS_IMPLICIT_KEY',
  'MULTILINE_IMPLICIT_KEY',
  'TAB_AS_INDENT',
  'UNEXPECTED_TOKEN',
])

/** Why the two readers disagree about a text, if they do. */
function disagreement(text: string): string | undefined {
  const read = readValue(text)
  if ('failure' in read) return undefined
  const source = parseSource(text)
  const [error] = source.errors
  if (error) return onlyJsYaml.has(error.code) ? undefined : `only js-yaml reads it: ${error.message}`
  return jsonEqual(source.toJS({ maxAliasCount: -1 }), read.value) ? undefined : 'the values differ'
}

/** What stands at the place of a path, read alone. Anchors and tags stand before it, and aliases elsewhere. */
function readAt(whole: string, { document }: ReadDocument, path: Path): unknown {
  const { line, column, endLine, endColumn } = document.place(path)
  const lines = whole.split('\n').slice(line - 1, endLine)
  const last = lines.length - 1
  lines[last] = (lines[last] ?? '').slice(0, endColumn - 1)
  lines[0] = `${' '.repeat(column - 1)}${(lines[0] ?? '').slice(column - 1)}`
  const read = readValue(`${lines.join('\n')}\n`)
  return 'value' in read ? read.value : read.failure
}

function check(t: Test, folder: string): void {
  const counts = { documents: 0, places: 0, elsewhere: 0 }
  for (const read of documentsBelow(folder)) {
    const { file, text } = read.document
    const where = `${file}:${read.document.place([]).line}`
    const reason = disagreement(text)
    if (reason !== undefined) t.fail(`${where}: ${reason}`)
    if ('failure' in read) continue
    counts.documents++
    for (const [path, value] of leaves(read.value)) {
      // A block scalar's text depends on the indentation around it, an empty value stands nowhere.
      if (value === null || (typeof value === 'string' && value.includes('\n'))) continue
      const found = readAt(read.whole, read, path)
      if (jsonEqual(found, value)) counts.places++
      else if (/[*>|]/.test(text)) counts.elsewhere++
      else t.fail(`${where}: ${path.join('.')}: ${JSON.stringify(found)} instead of ${JSON.stringify(value)}`)
    }
  }
  t.comment(counts)
  t.ok(counts.places > 20 * counts.elsewhere, 'most places can be read alone')
}

t.test('they agree on our own manifests', async (t) => check(t, examples))

t.test('they agree on real files', { skip }, async (t) => check(t, corpus))

t.test('they agree on what a person may have typed wrong', async (t) => {
  const texts = documentsBelow(existsSync(corpus) ? corpus : examples)
    .map(({ document }) => document.text)
    .filter((text) => text.length < 2000)
  const typed = fc.constantFrom(
    ...[
      '\t',
      ' ',
      '  ',
      '"',
      "'",
      ': ',
      ':',
      '- ',
      '#',
      ' # c',
      '&a ',
      '*a',
      '<<: *a',
      '|',
      '>-',
      '{',
      '}',
      '[',
      ']',
      ',',
    ].concat([
      '!!str ',
      '? ',
      '\n',
      '\r\n',
      '%',
      '@',
      '\\',
      '~',
      'on',
      '017',
      '|2',
      '"a\n b"',
      '---',
      '...',
      '{a: 1}',
      '{? x}',
    ]),
  )
  let values = 0
  const slip = fc.record({ at: fc.nat(), insert: typed, remove: fc.nat({ max: 3 }) })
  fc.assert(
    fc.property(fc.nat({ max: texts.length - 1 }), fc.array(slip, { minLength: 1, maxLength: 3 }), (i, slips) => {
      let text = texts[i] ?? ''
      for (const { at, insert, remove } of slips) {
        const position = at % (text.length + 1)
        text = text.slice(0, position) + insert + text.slice(position + remove)
      }
      for (const { document } of readDocuments('typed.yaml', text)) {
        if ('value' in readValue(document.text)) values++
        const reason = disagreement(document.text)
        if (reason !== undefined) throw new Error(`${reason}\n${document.text}`)
      }
    }),
    { numRuns: 3000, seed: 1 },
  )
  t.comment(`3000 texts, ${values} of them still YAML`)
  t.ok(values > 500)
})
