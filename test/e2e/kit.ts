/* What real programs and definitions there are to test with. */

/** Of MESHGATE_KIT_BIN: a folder with real programs; empty without one. */
export const bin: string = process.env['MESHGATE_KIT_BIN'] ?? ''

/** Of MESHGATE_KIT_CRDS: a folder with other projects' CustomResourceDefinitions, by project. */
export const crds: string | undefined = process.env['MESHGATE_KIT_CRDS']

/** Why a test that needs these programs is skipped, if it is. */
export function skipWithout(programs: string): string | false {
  return bin === '' && `set MESHGATE_KIT_BIN to a folder with ${programs}`
}
