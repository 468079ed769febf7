/** Who is let in: so many bodies at a time, and so many bytes of them, in all and from one source. */
export interface Gate {
  /**
   * A function that gives the room back, once; or where there is none.
   *
   * @param source where the request comes from: an address
   */
  enter(bytes: number, source: string): (() => void) | 'full' | 'full for this source'
  readonly requests: number
  readonly bytes: number
}

/** What is under way, in all or from one source. */
interface Load {
  requests: number
  bytes: number
}

/** The API server's review of a 1 MiB object of escaped characters is about 12.6 MiB on UPDATE. */
export const mostBodyBytes = 16 * 1024 * 1024

const mostBytesInFlight = 64 * 1024 * 1024

/** 64 at work and 128 waiting (each waits less than a second on one core); beyond, the API server had better try another replica. */
const mostRequests = 192

/**
 * Often the only API server is the only source there should be, so one source may have most of the room; but whoever else can
 * reach the port must not have all of it. Room for the largest review is always left to others.
 */
const mostRequestsOfSource = 128
const mostBytesOfSource = mostBytesInFlight - mostBodyBytes

export function createGate(): Gate {
  const total: Load = { requests: 0, bytes: 0 }
  const bySource = new Map<string, Load>()
  return {
    enter(size, source) {
      if (total.requests >= mostRequests || total.bytes + size > mostBytesInFlight) return 'full'
      const own = bySource.get(source) ?? { requests: 0, bytes: 0 }
      if (own.requests >= mostRequestsOfSource || own.bytes + size > mostBytesOfSource) return 'full for this source'
      bySource.set(source, own)
      for (const load of [total, own]) {
        load.requests++
        load.bytes += size
      }
      let left = false
      return () => {
        if (left) return
        left = true
        for (const load of [total, own]) {
          load.requests--
          load.bytes -= size
        }
        if (own.requests === 0) bySource.delete(source)
      }
    },
    get requests() {
      return total.requests
    },
    get bytes() {
      return total.bytes
    },
  }
}
