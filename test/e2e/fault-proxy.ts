import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** What the way to the API server does: nothing wrong, take everything and say nothing, or refuse. */
export type Fault = 'none' | 'blackhole' | 'refuse'

/** A TCP proxy that can be told to misbehave. */
export interface FaultProxy {
  readonly port: number
  /** Connections that are open now keep what they were given, but for `refuse`, which resets them. */
  set(fault: Fault): void
  /** Resets every connection. */
  reset(): void
  /** Connections of clients that are open. */
  clients(): number
  close(): Promise<void>
}

/** @param port on loopback, where connections lead to */
export async function startFaultProxy(port: number): Promise<FaultProxy> {
  let fault: Fault = 'none'
  const pairs = new Map<Socket, Socket>()
  const server = createServer((client) => {
    client.on('error', () => {})
    if (fault === 'refuse') return void client.resetAndDestroy()
    const upstream = connect(port, '127.0.0.1')
    upstream.on('error', () => {})
    pairs.set(client, upstream)
    client.on('close', () => {
      pairs.delete(client)
      upstream.destroy()
    })
    if (fault === 'blackhole') return void client.resume()
    client.pipe(upstream).pipe(client)
    upstream.on('close', () => {
      if (!silenced.has(client)) client.resetAndDestroy()
    })
  })
  const silenced = new WeakSet<Socket>()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const reset = () => {
    for (const [client, upstream] of pairs) {
      client.resetAndDestroy()
      upstream.destroy()
    }
  }
  return {
    port: (server.address() as AddressInfo).port,
    set(next) {
      fault = next
      if (next === 'refuse') reset()
      if (next !== 'blackhole') return
      for (const [client, upstream] of pairs) {
        silenced.add(client)
        client.unpipe(upstream)
        upstream.unpipe(client)
        client.resume()
        upstream.resume()
      }
    },
    reset,
    clients: () => pairs.size,
    async close() {
      reset()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
