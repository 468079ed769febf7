/** Has everybody wait their turn, so that one who asks a lot does not keep the others waiting. */
export interface Turns {
  /** Does the work now, or when it is the source's turn again. */
  take(source: string, work: () => void): void
}

/** What is done for one source before others have their turn: some milliseconds. */
const mostAtAStretch = 8

interface Source {
  done: number
  readonly waiting: (() => void)[]
}

/** Between two rounds the event loop looks for what others have sent. */
export function createTurns(): Turns {
  const sources = new Map<string, Source>()
  let scheduled = false
  const schedule = () => {
    if (scheduled) return
    scheduled = true
    setImmediate(round)
  }
  const round = () => {
    scheduled = false
    for (const [name, source] of sources) {
      const now = source.waiting.splice(0, mostAtAStretch)
      source.done = now.length
      if (now.length === 0) sources.delete(name)
      for (const work of now) work()
    }
    if (sources.size > 0) schedule()
  }
  return {
    take(name, work) {
      let source = sources.get(name)
      if (source === undefined) sources.set(name, (source = { done: 0, waiting: [] }))
      schedule()
      if (source.done >= mostAtAStretch || source.waiting.length > 0) return void source.waiting.push(work)
      source.done++
      work()
    },
  }
}
