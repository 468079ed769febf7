import type { Socket } from 'node:net'

/** So long, a connection over which nothing was ever asked is kept: longer than API servers keep theirs (90 s). */
const unusedMs = 120_000

/**
 * What becomes of a connection on which HTTP went wrong.
 *
 * An API server opens connections ahead and keeps them unused (net/http Transport: whoever dials may be served by a connection
 * that came free meanwhile). Node counts from the connection, not from the first byte, and ends one without a request with a
 * 408 after `headersTimeout`; if a review is sent at that very moment, the 408 is its answer, and the call is lost. So such a
 * connection is left alone, until long after the API server would have closed it. Once a byte has come, time runs as ever.
 */
export function handleClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const isLate = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
  if (isLate && socket.bytesRead === 0) {
    socket.setTimeout(unusedMs)
    return
  }
  const status = isLate ? '408 Request Timeout' : statusOf(error.code)
  if (socket.writable) socket.write(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
  socket.destroy(error)
}

function statusOf(code: string | undefined): string {
  return code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request'
}
