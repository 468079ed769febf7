/** `"value": "…"` in the injector's patch, with the value as it is between the quotes. Undefined: that is no JSON. */
export function throughPatch(value: string): string | undefined {
  try {
    return String(JSON.parse(`{"value":"${value}"}`).value)
  } catch {
    return undefined
  }
}

/** What in an inherited value spoils the patch, in words; undefined where nothing does. */
export function spoilsPatch(value: string): string | undefined {
  if (throughPatch(value) !== undefined) return undefined
  if (value.includes('\n')) return 'a line break'
  return value.includes('"') ? 'a quotation mark' : 'a backslash or a control character'
}
