/* The Grafana dashboard: what it shows is the table; the rest is how Grafana wants it. */

interface Query {
  readonly expr: string
  readonly legend: string
}

interface Panel {
  readonly title: string
  readonly unit: string
  readonly queries: readonly Query[]
  /** A number with a colour, rather than a line over time: red below this, or above it with `bad: 'high'`. */
  readonly stat?: { readonly limit: number; readonly bad: 'low' | 'high' }
}

/** Four to a row. */
const stats: readonly Panel[] = [
  {
    title: 'Called by the API server',
    unit: 'bool_yes_no',
    queries: [{ expr: 'min(meshgate_canary_success)', legend: 'called' }],
    stat: { limit: 1, bad: 'low' },
  },
  {
    title: 'Trusted by the API server',
    unit: 'bool_yes_no',
    queries: [{ expr: 'min(meshgate_trust_probe_success)', legend: 'trusted' }],
    stat: { limit: 1, bad: 'low' },
  },
  {
    title: 'Certificate ends in',
    unit: 's',
    queries: [{ expr: 'min(meshgate_certificate_expiry_timestamp_seconds) - time()', legend: 'left' }],
    stat: { limit: 672 * 3600, bad: 'low' },
  },
  {
    title: 'Kinds not known',
    unit: 'none',
    queries: [{ expr: 'sum(max by (kind) (1 - meshgate_snapshot_synced))', legend: 'kinds' }],
    stat: { limit: 1, bad: 'high' },
  },
]

/** Two to a row. */
const graphs: readonly Panel[] = [
  {
    title: 'Verdicts',
    unit: 'reqps',
    queries: [{ expr: 'sum by (verdict) (rate(meshgate_reviews_total[5m]))', legend: '{{verdict}}' }],
  },
  {
    title: 'Time for a verdict',
    unit: 's',
    queries: [0.5, 0.99].map((quantile) => ({
      expr: `histogram_quantile(${quantile}, sum by (le) (rate(meshgate_review_duration_seconds_bucket[5m])))`,
      legend: `p${quantile * 100}`,
    })),
  },
  {
    title: 'Findings by what was done',
    unit: 'short',
    queries: [
      { expr: 'sum by (enforcement) (increase(meshgate_findings_total[1h]))', legend: '{{enforcement}}, last hour' },
    ],
  },
  {
    title: 'Findings by rule',
    unit: 'short',
    queries: [{ expr: 'topk(10, sum by (rule) (increase(meshgate_findings_total[1h])))', legend: '{{rule}}' }],
  },
  {
    title: 'Unjudged: passed or refused by failurePolicy',
    unit: 'short',
    queries: [
      {
        expr: 'sum by (name) (increase(apiserver_admission_webhook_fail_open_count{name=~".+[.]meshgate[.]dev"}[5m]))',
        legend: 'passed {{name}}',
      },
      {
        expr: 'sum by (name) (increase(apiserver_admission_webhook_rejection_count{error_type="calling_webhook_error", name=~".+[.]meshgate[.]dev"}[5m]))',
        legend: 'refused {{name}}',
      },
    ],
  },
  {
    title: 'Turned away, by reason',
    unit: 'reqps',
    queries: [{ expr: 'sum by (reason) (rate(meshgate_requests_rejected_total[5m]))', legend: '{{reason}}' }],
  },
  {
    title: 'In flight',
    unit: 'short',
    queries: [{ expr: 'meshgate_requests_in_flight', legend: '{{pod}}' }],
  },
  {
    title: 'Age of what is known of the cluster',
    unit: 's',
    queries: [{ expr: 'max by (kind) (meshgate_snapshot_age_seconds)', legend: '{{kind}}' }],
  },
  {
    title: 'Judged without knowing all',
    unit: 'reqps',
    queries: [{ expr: 'sum by (kind) (rate(meshgate_degraded_reviews_total[5m]))', legend: '{{kind}}' }],
  },
  {
    title: "Days until the certificates of Linkerd's webhooks end",
    unit: 'none',
    queries: [
      {
        expr: 'min by (namespace, service) (meshgate_linkerd_webhook_certificate_days_left)',
        legend: '{{namespace}}/{{service}}',
      },
      { expr: 'min by (namespace) (meshgate_linkerd_trust_anchor_days_left)', legend: '{{namespace}}: trust anchor' },
    ],
  },
]

const datasource = { type: 'prometheus', uid: '${datasource}' }

const place = (panels: readonly Panel[], columns: number, height: number, top: number) =>
  panels.map((panel, i) => ({
    ...drawn(panel),
    gridPos: {
      x: (i % columns) * (24 / columns),
      y: top + Math.floor(i / columns) * height,
      w: 24 / columns,
      h: height,
    },
  }))

function drawn({ title, unit, queries, stat }: Panel) {
  const colours = stat?.bad === 'high' ? ['green', 'red'] : ['red', 'green']
  const thresholds = stat && {
    mode: 'absolute',
    steps: [
      { color: colours[0], value: null },
      { color: colours[1], value: stat.limit },
    ],
  }
  return {
    title,
    type: stat ? 'stat' : 'timeseries',
    datasource,
    fieldConfig: { defaults: { unit, ...(thresholds ? { thresholds } : {}) }, overrides: [] },
    targets: queries.map(({ expr, legend }, i) => ({
      refId: String.fromCharCode(65 + i),
      datasource,
      expr,
      legendFormat: legend,
    })),
  }
}

/** The dashboard as Grafana imports it. */
export function dashboard(): object {
  return {
    title: 'meshgate',
    uid: 'meshgate',
    tags: ['linkerd', 'meshgate'],
    schemaVersion: 39,
    editable: true,
    refresh: '1m',
    time: { from: 'now-6h', to: 'now' },
    templating: { list: [{ name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' }] },
    panels: [...place(stats, 4, 4, 0), ...place(graphs, 2, 8, 4)].map((panel, i) => ({ id: i + 1, ...panel })),
  }
}
