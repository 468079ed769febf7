import { plainText } from '../core/plain-text.ts'

/** Markup that is safe where it stands. */
export interface Html {
  readonly markup: string
}

/**
 * HTML or SVG in which every value is text: names come from whoever wrote the manifests. Only what was made here before is
 * taken as markup.
 */
export function html(
  parts: TemplateStringsArray,
  ...values: readonly (string | number | Html | readonly Html[])[]
): Html {
  const inserted = values.map((value) => {
    if (typeof value === 'string' || typeof value === 'number') return escape(String(value))
    return 'markup' in value ? value.markup : value.map(({ markup }) => markup).join('')
  })
  return { markup: parts.map((part, i) => part + (inserted[i] ?? '')).join('') }
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escape(text: string): string {
  return plainText(text).replaceAll(/[&<>"']/g, (char) => entities[char] ?? char)
}
