import type { LinkerdSettings } from '../settings.ts'
import { identifyProtocol, type PortSigns } from './identify-protocol.ts'
import { imageMatches } from './word-patterns.ts'

/** How we know that a port speaks HTTP: what somebody calls it, software known to, or only a number that is HTTP's own. */
export type HttpSign = 'name' | 'image' | 'number'

/** Servers of HTTP on a port that is opaque by default: Selenium's hub, router and standalone server, and their like. */
const httpImages: readonly { readonly images: readonly string[]; readonly port: number }[] = [
  {
    images: ['selenium/hub', 'selenium/router', 'standalone-chrome*', 'standalone-firefox*', 'standalone-edge*'],
    port: 4444,
  },
  { images: ['selenoid', 'ggr', 'moon'], port: 4444 },
]

/**
 * Does this port speak HTTP, without TLS? By its name, by the image of its container, or by its own number, in this order; what is
 * known to speak something else does not.
 *
 *   | name          | image on its port | number     | known as something else | HTTP by |
 *   |---------------|-------------------|------------|-------------------------|---------|
 *   | http, grpc, … | any               | any        | any                     | name    |
 *   | any other     | Selenium, …       | any        | any                     | image   |
 *   | any other     | any other         | 80 or 8080 | no                      | number  |
 */
export function httpSignOf(signs: PortSigns, settings: Pick<LinkerdSettings, 'protocols'>): HttpSign | undefined {
  if (saysHttp(signs.name)) return 'name'
  const image = signs.container?.image ?? undefined
  if (httpImages.some(({ images, port }) => port === signs.number && imageMatches(images, image))) return 'image'
  const usual = signs.number === 80 || signs.number === 8080
  return usual && identifyProtocol(signs, settings) === undefined ? 'number' : undefined
}

/** `http`, `http-api`, `grpc`; not `https`, which is opaque to a proxy anyway. */
function saysHttp(name = ''): boolean {
  return /(?:^|-)(?:http\d?|h2c|grpc)(?:-|$)/.test(name) && !/(?:^|-)(?:tls|ssl)(?:-|$)/.test(name)
}
