import type { Server, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'

/** Which of the connections were opened by a client that is welcome. */
export interface Clients {
  admits(socket: Socket): boolean
  /** Connections that are open may go on for one more answer: they were opened under other authorities. */
  forget(): void
  /** Was it opened under the present authorities? */
  isCurrent(socket: Socket): boolean
}

/**
 * Looks at the name of each client that connects. That it has a certificate of one of the authorities, TLS has seen to.
 *
 * @param names common names and DNS names one of which the client must have; without any, all are welcome
 */
export function watchClients(server: Server, names: readonly string[]): Clients {
  const welcome = new WeakSet<Socket>()
  let current = new WeakSet<Socket>()
  server.on('secureConnection', (socket: TLSSocket) => {
    current.add(socket)
    if (names.length === 0 || namesOf(socket).some((name) => names.includes(name))) welcome.add(socket)
  })
  return {
    admits: (socket) => welcome.has(socket),
    isCurrent: (socket) => current.has(socket),
    forget() {
      current = new WeakSet()
    },
  }
}

function namesOf(socket: TLSSocket): string[] {
  if (!socket.authorized) return []
  const { subject, subjectaltname = '' } = socket.getPeerCertificate()
  const alternatives = subjectaltname.split(', ').flatMap((one) => (one.startsWith('DNS:') ? [one.slice(4)] : []))
  // Several common names come as a list, whatever the types say.
  return [(subject as { CN?: string | string[] } | undefined)?.CN ?? [], alternatives].flat()
}
