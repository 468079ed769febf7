import t from 'tap'
import { fixtures, loadFixture, reviewFixture } from './fixture.ts'

t.test('it warns whoever applies the object, and denies nothing where it is told to deny', async (t) => {
  const fixture = fixtures().find(({ file }) => file === 'suppression-names-no-rule/unknown.yaml')
  if (!fixture) throw new Error('no fixture')
  const [namespace, ...others] = await reviewFixture(fixture, loadFixture(fixture))
  t.match(namespace?.answer, {
    response: {
      allowed: true,
      warnings: [/there is no rule "pod-not-inject" \(pod-not-injected was meant\?\)/],
    },
  })
  for (const { answer } of others) t.match(answer, { response: { allowed: true, warnings: [/there is no rule/] } })
  t.equal(others.length, 2)
})
