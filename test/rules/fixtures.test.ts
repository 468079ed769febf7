import t from 'tap'
import { nothing } from '../../src/admission/court.ts'
import { respond } from '../../src/admission/respond.ts'
import { fixTexts } from '../../src/commands/fix-files.ts'
import { enforce } from '../../src/core/enforce.ts'
import { snapshotOf } from '../../src/core/snapshot.ts'
import type { KindName } from '../../src/k8s/kinds.ts'
import { describe } from '../../src/k8s/resource.ts'
import { rules } from '../../src/rules/index.ts'
import { denying, fixtures, judgeFixture, linesOf, loadFixture, reviewFixture } from './fixture.ts'

const all = fixtures()

for (const rule of rules) {
  const own = all.filter((fixture) => fixture.rule === rule.id)
  t.test(rule.id, (t) => {
    const read = new Set<KindName>()
    const reported = new Set<string>()

    for (const fixture of own) {
      t.test(`it judges ${fixture.name}`, async (t) => {
        const loaded = loadFixture(fixture)
        t.same(loaded.failures, [], 'every document is readable')
        const findings = judgeFixture(fixture, loaded, fixture.stage, (kind) => read.add(kind))
        for (const finding of findings) reported.add(finding.message)
        t.same(linesOf(findings, loaded), fixture.expected, 'it finds what the lines say, and nothing else')
        for (const { text } of findings) t.notMatch(text, /\{\{|undefined|\[object/, 'the text is complete')

        const admitted = judgeFixture(fixture, loaded, 'admitted')
        if (fixture.stage !== 'declared')
          t.same(linesOf(admitted, loaded), fixture.expected, 'the webhook finds the same as check')
        for (const { subject, review, answer } of await reviewFixture(fixture, loaded)) {
          const own = admitted.filter((finding) => finding.subject === subject)
          const snapshot = snapshotOf(loaded.resources, 'input')
          const outcome = enforce(own, denying(rule.id), { snapshot, now: 0 })
          const expected = respond(review, { ...nothing, ...outcome }, 'input')
          t.same(answer, JSON.parse(JSON.stringify(expected)), `it answers so about ${describe(subject)}`)
        }

        const enforced = findings.map((finding) => ({ finding, enforcement: 'warn' as const }))
        const { texts, refused } = fixTexts(loaded, enforced)
        t.same(refused, [], 'every fix can be written')
        const after = texts.get(fixture.file)?.after
        if (fixture.fixed !== undefined) t.equal(after ?? fixture.text, fixture.fixed, 'the fixed text is exactly this')
        if (after !== undefined) {
          const again = loadFixture(fixture, after)
          const left = judgeFixture(fixture, again).filter((finding) => finding.fix)
          t.same(left, [], 'nothing is left to fix')
        }
      })
    }

    t.test('it is documented by its fixtures', async (t) => {
      t.ok(own.length > 0, 'it has fixtures')
      const silent = own.filter((fixture) => fixture.expected.length === 0).length
      t.ok(silent * 2 >= own.length, `at least half of them are silent (${silent} of ${own.length})`)
      t.same([...reported].toSorted(), Object.keys(rule.messages).toSorted(), 'every message occurs')
      t.same([...read].toSorted(), [...rule.reads].toSorted(), 'it declares exactly what it reads')
    })
    t.end()
  })
}

t.test('it has no fixtures of a rule that is gone', async (t) => {
  const ids = new Set(rules.map((rule) => rule.id))
  t.same(
    all.filter((fixture) => !ids.has(fixture.rule)).map((fixture) => fixture.file),
    [],
  )
})
