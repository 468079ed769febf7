import type { IncomingMessage } from 'node:http'
import { finished, Readable } from 'node:stream'

/** How long a client may go on sending what nobody reads. At 50 Mbit/s it is the largest review. */
const longestListenMs = 3000

/**
 * The text of an answer after which the connection closes, though its request is still being sent. The text goes out at
 * once; the end, and with it the close, waits until the client has sent all or hung up. Closed earlier, the socket would be
 * reset under a client that still writes, and a client that sees its write fail may never read the answer: RFC 9112, 9.6.
 */
export function partingAnswer(text: string, request: IncomingMessage, limitMs = longestListenMs): Readable {
  return Readable.from(
    (async function* () {
      yield text
      await discard(request, limitMs)
    })(),
    { objectMode: false },
  )
}

function discard(request: IncomingMessage, limitMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, limitMs)
  finished(request, { writable: false }, () => {
    clearTimeout(timer)
    resolve()
  })
  request.resume()
  return promise
}
