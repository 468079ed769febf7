/** Who is let in: so many bodies at a time, and so many bytes of them. */
export interface Gate {
  /** Undefined when there is no room; otherwise a function that gives the room back, once. */
  enter(bytes: number): (() => void) | undefined
  readonly requests: number
  readonly bytes: number
}

/** The API server's review of a 1 MiB object of escaped characters is about 12.6 MiB on UPDATE. */
export const mostBodyBytes = 16 * 1024 * 1024

const mostBytesInFlight = 64 * 1024 * 1024

/** 64 at work and 128 waiting (each waits less than a second on one core); beyond, the API server had better try another replica. */
const mostRequests = 192

export function createGate(): Gate {
  let requests = 0
  let bytes = 0
  return {
    enter(size) {
      if (requests >= mostRequests || bytes + size > mostBytesInFlight) return undefined
      requests++
      bytes += size
      let left = false
      return () => {
        if (left) return
        left = true
        requests--
        bytes -= size
      }
    },
    get requests() {
      return requests
    },
    get bytes() {
      return bytes
    },
  }
}
