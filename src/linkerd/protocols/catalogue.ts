import { bothFirst } from './catalogue/both-first.ts'
import { clientFirst } from './catalogue/client-first.ts'
import { implicitTls } from './catalogue/implicit-tls.ts'
import { longLived } from './catalogue/long-lived.ts'
import { mail } from './catalogue/mail.ts'
import { mysql } from './catalogue/mysql.ts'
import { otherServerFirst } from './catalogue/other-server-first.ts'
import type { Protocol } from './protocol.ts'

/** Every protocol we know, by class, those that must be opaque first. Configuration may add to it (`settings.protocols`). */
export const catalogue: readonly Protocol[] = [
  ...mysql,
  ...mail,
  ...otherServerFirst,
  ...bothFirst,
  ...longLived,
  ...clientFirst,
  ...implicitTls,
]

const serverFirstImages = new Set(catalogue.filter(isServerFirst).flatMap(({ images }) => images))

/**
 * Images of databases and brokers whose server never speaks first: whatever a Service calls a port of such a container, it
 * is no server-first protocol. Software that does both, on different ports, is not here.
 */
export const clientFirstImages: readonly string[] = catalogue
  .filter((protocol) => protocol.class === 'client-first' || protocol.class === 'long-lived')
  .flatMap(({ images }) => images)
  .filter((image) => !serverFirstImages.has(image))

function isServerFirst(protocol: Protocol): boolean {
  return protocol.class === 'server-first'
}
