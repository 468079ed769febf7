/** JSON in ASCII alone. Node writes it without a conversion, and no terminal acts on it: JSON itself escapes other controls. */
export function toAscii(json: string): string {
  return json.replaceAll(/[\u007F-\uFFFF]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
