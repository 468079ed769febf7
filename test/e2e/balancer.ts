import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** What a Service is: one port, and behind it whatever endpoints there are, each connection to the next of them. */
export interface Balancer {
  readonly port: number
  /** From now on, connections lead to these ports of loopback. */
  route(ports: readonly number[]): void
  /** Closes the connections that are open, and waits until the other end knows. To be called when nothing is under way. */
  cut(): Promise<void>
  /** Connections that an endpoint left unanswered: the calls on them are lost whatever certificates say. */
  unanswered(): number
  close(): Promise<void>
}

export async function startBalancer(): Promise<Balancer> {
  let targets: readonly number[] = []
  let turn = 0
  let unanswered = 0
  const open = new Set<Socket>()
  /** The next endpoint that takes the connection; one that has just gone is passed over. */
  const dial = async (): Promise<Socket | undefined> => {
    for (let tries = targets.length; tries > 0; tries--) {
      const socket = connect(targets[turn++ % targets.length] ?? 1, '127.0.0.1')
      const isThere = await new Promise<boolean>((resolve) => {
        socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
      })
      if (isThere) return socket
    }
    return undefined
  }
  const join = (client: Socket, upstream: Socket) => {
    let waits = false
    upstream.on('error', () => {})
    client.on('data', (chunk) => {
      waits = true
      if (!upstream.destroyed) upstream.write(chunk)
    })
    upstream.on('data', (chunk) => {
      waits = false
      client.write(chunk)
    })
    const leave = () => {
      if (client.destroyed) return
      unanswered++
      client.destroy()
    }
    upstream.on('close', () => {
      if (waits) return leave()
      // A call may be on its way already.
      return client.on('data', leave).end()
    })
    client.on('close', () => upstream.destroy())
    if (client.destroyed) upstream.destroy()
  }
  const server = createServer({ pauseOnConnect: true }, (client) => {
    open.add(client)
    client.on('error', () => {}).on('close', () => open.delete(client))
    void dial().then((upstream) => {
      if (upstream === undefined) return client.destroy()
      join(client, upstream)
      return client.resume()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = async () => {
    const closed = [...open].map((client) => new Promise((resolve) => client.once('close', resolve).end()))
    await Promise.all(closed)
  }
  return {
    port: (server.address() as AddressInfo).port,
    route(ports) {
      targets = ports
    },
    cut,
    unanswered: () => unanswered,
    async close() {
      for (const client of open) client.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
