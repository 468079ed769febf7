/*
 * Names and labels come from whoever wrote the object. In a terminal, a log or a warning header, control characters and
 * text-direction marks could hide or forge what is read; the API server drops a warning that holds one.
 */

// Cc: controls. Bidi: marks, embeddings, isolates. U+2028/9 end lines. Surrogates left alone are invalid UTF-8.
const unprintable = /[\p{Cc}\u200E\u200F\u202A-\u202E\u2066-\u2069\u2028\u2029\uFEFF]|\p{Surrogate}/gu

const suspicious = /[^\x20-\x7E]/

/** The text on one line with nothing in it that a terminal or a header would act on. */
export function plainText(text: string): string {
  // Nearly every text is plain already.
  if (!suspicious.test(text)) return text
  return text.replaceAll(/[\r\n\t]+/g, ' ').replaceAll(unprintable, '\uFFFD')
}

/** {@link plainText} of at most `limit` characters (code points), cut at a word, with an ellipsis where something is missing. */
export function shortText(text: string, limit: number): string {
  const plain = plainText(text)
  if (plain.length <= limit) return plain
  // Where one character may be two units, they have to be told apart.
  const characters = suspicious.test(plain) ? Array.from(plain) : undefined
  if (characters && characters.length <= limit) return plain
  const cut = characters ? characters.slice(0, limit - 1).join('') : plain.slice(0, limit - 1)
  const space = cut.lastIndexOf(' ')
  return `${(space > limit * 0.6 ? cut.slice(0, space) : cut).replace(/[ ,;:]+$/, '')}…`
}
