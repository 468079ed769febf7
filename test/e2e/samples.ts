/* What a page of metrics says. */

/** The lines that begin so. */
export function samplesIn(page: string, begin: string): string[] {
  return page.split('\n').filter((line) => line.startsWith(begin))
}

/** The sum of all samples of a metric whose labels contain this text. */
export function sumOf(page: string, metric: string, labels = ''): number {
  const ofMetric = (line: string) => line.startsWith(`${metric}{`) || line.startsWith(`${metric} `)
  return total(samplesIn(page, metric).filter((line) => ofMetric(line) && line.includes(labels)))
}

export function total(samples: readonly string[]): number {
  return samples.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
}
