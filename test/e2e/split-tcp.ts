import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A Service of several Pods, as far as TCP goes: each new connection leads to the next one. */
export interface SplitTcp {
  readonly port: number
  close(): Promise<void>
}

/** @param ports on loopback */
export async function splitTcp(ports: readonly number[]): Promise<SplitTcp> {
  const sockets = new Set<Socket>()
  let turn = 0
  const server = createServer((client) => {
    const upstream = connect(ports[turn++ % ports.length] ?? 0, '127.0.0.1')
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(one)
      one.on('error', () => {})
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
    client.pipe(upstream).pipe(client)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
