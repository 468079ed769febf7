import { annotationOf } from '../../src/k8s/resource.ts'
import { annotations } from '../../src/linkerd/facts.ts'
import { injectedOnPod, injectedOnService } from '../../src/linkerd/injection/injected-opaque-ports.ts'
import { type SkipReason, whyNotInjected } from '../../src/linkerd/injection/injection.ts'
import { compareRecords, settingsOf } from './records.ts'

/*
 * node test/oracle/opaque-annotation.ts FILE…: do we predict the opaque-ports annotation that the real injector writes on
 * Pods and Services, and where its patch cannot be decoded? Of Pods also whether they are injected, and why not.
 */

process.exitCode = compareRecords(process.argv.slice(2), (record) => {
  const { variant, namespace, object, answer } = record as Record<string, any>
  const settings = settingsOf(variant)
  const theirs = { written: answer.written, undecodable: answer.undecodable === true }
  if (object.kind === 'Service') {
    const { list, undecodable } = injectedOnService(object.metadata, object.spec, namespace, settings)
    return { ours: { written: list ?? null, undecodable: undecodable === true }, theirs }
  }
  const reasons: SkipReason[] = whyNotInjected(object, annotationOf(namespace, annotations.inject), settings)
  const { list, undecodable } = injectedOnPod(object, namespace, settings, reasons.length === 0)
  return {
    ours: {
      written: list ?? null,
      undecodable: undecodable === true,
      injected: reasons.length === 0 && !undecodable,
      reasons,
    },
    theirs: { ...theirs, injected: answer.injected, reasons: answer.skipReasons ?? [] },
  }
})
