import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { explain } from '../../src/commands/explain.ts'
import { rules } from '../../src/commands/rules.ts'
import { rules as catalogue } from '../../src/rules/index.ts'
import { worldIn } from './world.ts'

t.test('it lists every rule, a line each', async (t) => {
  const { world, said } = worldIn('/')
  t.equal(await rules([], world), 0)
  const width = Math.max(...catalogue.map(({ id }) => id.length))
  t.same(
    said.stdout.trimEnd().split('\n'),
    catalogue.map(({ id, severity, summary }) => `${id.padEnd(width)}  ${severity.padEnd(7)}  ${summary}`),
  )
})

t.test('it lists them as JSON', async (t) => {
  const { world, said } = worldIn('/')
  t.equal(await rules(['--format', 'json'], world), 0)
  const list: unknown = JSON.parse(said.stdout)
  t.match(
    list,
    catalogue.map(({ id, severity, judges, sources }) => ({ id, severity, judges, sources: [...sources] })),
  )
})

t.test('it prints the page of each rule, the same as in the docs', async (t) => {
  for (const { id } of catalogue) {
    const { world, said } = worldIn('/')
    t.equal(await explain([id], world), 0)
    t.equal(said.stdout, readFileSync(join(import.meta.dirname, `../../docs/rules/${id}.md`), 'utf8'))
  }
})

t.test('it says what to type instead', async (t) => {
  const { world, said } = worldIn('/')
  for (const [command, args, message] of [
    [explain, [], /usage: meshgate explain RULE/],
    [explain, ['pod-not-injected', 'x'], /usage/],
    [explain, ['pod-not-inject'], /no rule "pod-not-inject"; did you mean pod-not-injected\?/],
    [explain, ['constructor'], /no rule "constructor"; `meshgate rules` lists them/],
    [explain, ['--formt'], /Unknown option '--formt'/],
    [rules, ['--format', 'yaml'], /--format takes text, json, not "yaml"/],
    [rules, ['--fromat', 'json'], /did you mean --format\?/],
    [rules, ['pod-not-injected'], /rules takes no "pod-not-injected"; `meshgate explain RULE`/],
  ] as const)
    await t.rejects(command(args, world), { name: 'UsageError', message }, args.join(' '))
  t.equal(said.stdout, '')
  t.equal(await rules(['--help'], world), 0)
  t.equal(await explain(['-h'], world), 0)
  t.match(said.stdout, /meshgate rules\n[^]*meshgate explain RULE\n/)
})
