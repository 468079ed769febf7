import type { Snapshot } from '../../core/snapshot.ts'
import { viewOf } from '../../core/view.ts'
import type { LinkerdSettings } from '../settings.ts'
import { type CalledService, calledServices, callerKinds } from './called-service.ts'
import { distrustOf, trustIn } from './service-trust.ts'

/** What metrics say of one Service that the API server calls. */
export interface CertificateGauge {
  readonly service: string
  readonly namespace: string
  /** Until calls fail for age; negative afterwards; undefined where no certificate can be read. */
  readonly daysLeft: number | undefined
  /** 1 while the API server can verify it, as far as anybody knows. */
  readonly trusted: 0 | 1
  /** 1 when the last look at the server succeeded, 0 when it failed, undefined when there was none. */
  readonly answers: 0 | 1 | undefined
}

/** What metrics say of the mesh's trust anchors. */
export interface AnchorGauge {
  /** Of the control plane. */
  readonly namespace: string
  /** Until the last of them ends; negative afterwards; undefined where none can be read. */
  readonly daysLeft: number | undefined
  /** How many are good, how many have expired, and how many blocks cannot be read. */
  readonly states: Readonly<Record<'good' | 'expired' | 'unreadable', number>>
}

/** The state of the trust anchors in this PEM: the one that lives longest decides. */
export function anchorGauge(pem: string | undefined, settings: LinkerdSettings): AnchorGauge | undefined {
  const { certificates, controlPlaneNamespace } = settings
  if (pem === undefined || certificates === undefined) return undefined
  const bundle = certificates.reader.read(pem)
  const nowMs = certificates.nowMs()
  const ends = bundle.certificates.map(({ notAfter }) => notAfter.ms - nowMs)
  const good = ends.filter((leftMs) => leftMs >= 0).length
  return {
    namespace: controlPlaneNamespace,
    daysLeft: ends.length > 0 ? Math.max(...ends) / dayMs : undefined,
    states: { good, expired: ends.length - good, unreadable: bundle.problems.length },
  }
}

const dayMs = 24 * 3600 * 1000

/** Every Service of Linkerd's that the API server calls, once, in the order of the snapshot. */
export function calledIn(snapshot: Snapshot): readonly CalledService[] {
  const found = new Map<string, CalledService>()
  for (const kind of callerKinds)
    for (const subject of snapshot.all(kind))
      for (const called of calledServices(subject)) found.set(`${called.dnsName}:${called.port}`, called)
  return [...found.values()]
}

/** The state of each of them now. Empty without anybody to read certificates. */
export function certificateGauges(snapshot: Snapshot, settings: LinkerdSettings): readonly CertificateGauge[] {
  const { certificates } = settings
  if (certificates === undefined) return []
  const view = viewOf(snapshot, ['Certificate', 'Secret'], settings, 'admitted')
  return calledIn(snapshot).map((called) => {
    const { service, namespace } = called
    const found = trustIn(called, view)
    const served = certificates.served().find((one) => one.service === service && one.namespace === namespace)
    const trusted = found !== undefined && distrustOf(found) === undefined && found.age?.as !== 'expired'
    return {
      service,
      namespace,
      daysLeft: found?.age?.days,
      trusted: trusted ? 1 : 0,
      answers: served && (served.error === undefined ? 1 : 0),
    }
  })
}
