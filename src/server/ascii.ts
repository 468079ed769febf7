const beyondAscii = /[\u007F-\uFFFF]/g

/** JSON in ASCII alone. Node writes it without a conversion, and no terminal acts on it: JSON itself escapes other controls. */
export function toAscii(json: string): string {
  // Nearly every answer is ASCII already.
  if (json.search(beyondAscii) < 0) return json
  return json.replaceAll(beyondAscii, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
