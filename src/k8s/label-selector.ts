import { list, map, struct, text } from './shape.ts'

/** Kubernetes' LabelSelector (apimachinery meta/v1), which other APIs took over. */
export const labelSelector = struct({
  matchLabels: map(text),
  matchExpressions: list(struct({ key: text, operator: text, values: list(text) })),
})
