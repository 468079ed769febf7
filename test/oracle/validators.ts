import { whyServerRefused } from '../../src/linkerd/injection/server-grammar.ts'
import { defaultSettings } from '../../src/linkerd/settings.ts'
import { compareRecords } from './records.ts'

/*
 * node test/oracle/validators.ts FILE…: does our grammar of Servers refuse what Linkerd's policy validator refuses, in the
 * same words? Objects of other kinds have no grammar of ours; how many there were is printed, so that nobody takes
 * them for judged.
 */

const others = new Map<string, number>()

const exitCode = compareRecords(process.argv.slice(2), (record) => {
  const { object, answer } = record as Record<string, any>
  if (object.kind !== 'Server') {
    others.set(object.kind, (others.get(object.kind) ?? 0) + 1)
    return undefined
  }
  const ours = whyServerRefused(object.spec ?? {}, defaultSettings.minor) ?? null
  return { ours, theirs: answer.webhook.message ?? null }
})
if (others.size > 0) console.log(`not judged: ${[...others].map(([kind, count]) => `${count} ${kind}`).join(', ')}`)
process.exitCode = exitCode
