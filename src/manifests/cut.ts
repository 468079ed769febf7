/** One replacement in a text. */
export interface Cut {
  readonly from: number
  readonly to: number
  readonly text: string
}

/** The cut that takes nothing away. */
export function insertion(position: number, text: string): Cut {
  return { from: position, to: position, text }
}

/** The text with the cut made. */
export function applyCut(text: string, cut: Cut): string {
  return text.slice(0, cut.from) + cut.text + text.slice(cut.to)
}
