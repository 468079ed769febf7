import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { applyEdits } from '../../src/core/apply-edit.ts'
import type { Edit } from '../../src/core/edit.ts'
import { toJsonPatch } from '../../src/core/json-patch.ts'
import { jsonEqual, valueAt } from '../../src/k8s/json.ts'
import type { Resource } from '../../src/k8s/resource.ts'
import { loadPaths } from '../../src/manifests/load.ts'
import { readDocuments, readValue } from '../../src/manifests/read-document.ts'
import { splice } from '../../src/manifests/splice.ts'
import { spliceFile } from '../../src/manifests/splice-file.ts'
import { patched } from '../core/patched.ts'

const corpus = process.env['MESHGATE_CORPUS'] ?? join(import.meta.dirname, '../../../shared/corpus')

/** What the fixes of our rules do: an annotation on anything, a port in every rule of a policy that has ports. */
function editsOf(resource: Resource): Edit[] {
  const annotation = ['metadata', 'annotations', 'config.linkerd.io/opaque-ports']
  const edits: Edit[] = [{ op: 'set', path: annotation, value: '4222' }]
  if (resource.kind !== 'NetworkPolicy') return edits
  for (const direction of ['ingress', 'egress'] as const)
    for (const [i, rule] of (resource.spec[direction] ?? []).entries())
      if ((rule?.ports ?? []).length > 0)
        edits.push({ op: 'append', path: ['spec', direction, i, 'ports'], value: { port: 4143, protocol: 'TCP' } })
  return edits
}

/** The lines that are gone, by what is left when the others are found in their order. */
function lostLines(before: string, after: string): string[] {
  const lines = after.split('\n')
  let at = 0
  return before.split('\n').filter((line) => {
    const found = lines.indexOf(line, at)
    if (found >= 0) at = found + 1
    return found < 0
  })
}

t.test('it holds on real files', { skip: !existsSync(corpus) && 'set MESHGATE_CORPUS' }, async (t) => {
  const loaded = await loadPaths([corpus], {})
  const refused: string[] = []
  const counts = { resources: 0, ports: 0, lines: 0 }
  for (const [resource, { document, prefix }] of loaded.sources) {
    const edits = editsOf(resource)
    const expected = applyEdits(resource.wire, edits)
    const where = `${document.file} ${resource.kind} ${resource.name}`
    if (!jsonEqual(patched(resource.wire, toJsonPatch(resource.wire, edits)), expected)) t.fail(`RFC 6902: ${where}`)
    const result = splice(document.text, prefix, edits)
    if ('refused' in result) {
      refused.push(`${where}: ${result.refused}`)
      continue
    }
    counts.resources++
    counts.ports += edits.length - 1
    const read = readValue(result.text)
    if ('failure' in read || !jsonEqual(valueAt(read.value, prefix), expected)) t.fail(`the text disagrees: ${where}`)
    const again = splice(result.text, prefix, edits.slice(0, 1))
    if (!jsonEqual(again, { text: result.text })) t.fail(`a second time changes something: ${where}`)
    // A line may only be gone where a value stood, or nothing, and now another one stands.
    const lost = lostLines(document.text, result.text)
    counts.lines += lost.length
    const excused = lost.every((line) => /opaque-ports|[[{]|null|~/.test(line))
    if (lost.length > edits.length || !excused) t.fail(`${where} lost ${lost.join('|')}`)
    if (/\r\n/.test(document.text) && /[^\r]\n/.test(result.text) !== /[^\r]\n/.test(document.text))
      t.fail(`line ends: ${where}`)
  }
  t.comment(
    `${counts.resources} spliced with ${counts.ports} ports, ${counts.lines} lines changed; ${refused.length} refused`,
    refused,
  )
  t.ok(counts.resources > 1000)
  t.ok(counts.ports >= 40)
  t.ok(refused.length <= counts.resources / 100)
})

t.test('it changes whole files', { skip: !existsSync(corpus) && 'set MESHGATE_CORPUS' }, async (t) => {
  const loaded = await loadPaths([corpus], {})
  let files = 0
  for (const [file, text] of loaded.texts) {
    const changes = [...loaded.sources].flatMap(([resource, { document, prefix }]) =>
      document.file === file ? [{ document, prefix, edits: editsOf(resource), resource }] : [],
    )
    const after = spliceFile(text, changes)
    const values = readDocuments(file, after.text)
    const before = readDocuments(file, text)
    if (values.length !== before.length) t.fail(`${file}: ${values.length} documents`)
    for (const { document, prefix, edits, resource } of changes) {
      if (after.refused.some(({ change }) => change.resource === resource)) continue
      const index = before.findIndex((read) => read.document.offset === document.offset)
      const read = values[index]
      const is = read && 'value' in read ? valueAt(read.value, prefix) : undefined
      if (!jsonEqual(is, applyEdits(resource.wire, edits))) t.fail(`${file}: ${resource.kind} ${resource.name}`)
    }
    files++
  }
  t.comment(`${files} files`)
  t.ok(files > 500)
})
