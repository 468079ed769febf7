import { injectedOnPod, injectedOnService } from '../../src/linkerd/injected-opaque-ports.ts'
import { defaultSettings } from '../../src/linkerd/settings.ts'
import { compareRecords } from './records.ts'

/*
 * node test/oracle/opaque-annotation.ts FILE…: do we predict the opaque-ports annotation that the real injector writes on
 * Pods and Services? Where its patch could not be decoded, nothing reached the object, and nothing is compared.
 */

const defaults: Readonly<Record<string, string>> = {
  default: defaultSettings.opaquePorts,
  'opaque-custom': '3306,9042,27017,6379',
  'opaque-none': '',
}

process.exitCode = compareRecords(process.argv.slice(2), (record) => {
  const { variant, namespace, object, answer } = record as Record<string, any>
  if (answer.undecodable) return undefined
  const list = defaults[variant] ?? ''
  const ours =
    object.kind === 'Service'
      ? injectedOnService(object.metadata, object.spec, namespace, list)
      : injectedOnPod(
          { metadata: object.metadata, spec: object.spec, path: [] },
          namespace,
          list,
          answer.injected === true,
        )
  return { ours: ours ?? null, theirs: answer.written }
})
