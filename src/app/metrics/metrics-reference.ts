import { COUNTER_GROUPS, type CounterGroup, counterMetric } from './counter-docs.ts';
import { LABEL_DOCS, METRIC_GROUPS, type MetricDoc } from './metric-docs.ts';

const INTRODUCTION = `# Metrics

<!-- Made from the tables in src/app/metrics by metricsReference(). -->

\`/metrics\` of the control port has the metrics of the process and of all its workers, in the text format of Prometheus:

\`\`\`sh
curl http://localhost:5561/metrics
\`\`\`

Every role has a control port where it is asked for one, with \`listen\` under \`[control]\` or \`--control-port\`. A role that does not run has no
metrics. [Monitor a server](../how-to/monitor.md) has a dashboard and alerts. \`[stats]\` has the metrics of Pushpin's \`prometheus_port\` as well, under their own
names.

Totals only grow, also when a worker process ends and is replaced. What a worker counts arrives within a second. Times are in seconds, sizes in bytes.`;

/** The reference of all metrics in Markdown, made from the tables. */
export function metricsReference(): string {
  const parts = [INTRODUCTION];
  for (const [title, metrics] of Object.entries(METRIC_GROUPS)) parts.push(`## ${title}`, metricTable(metrics));
  parts.push('## Labels', labelTable());
  for (const group of COUNTER_GROUPS) parts.push(`## ${group.title}`, ...counterSection(group));
  return `${parts.join('\n\n')}\n`;
}

/** The names of all metrics. */
export function metricNames(): string[] {
  return [
    ...Object.values(METRIC_GROUPS).flatMap((metrics) => Object.keys(metrics)),
    ...COUNTER_GROUPS.flatMap(({ parts, docs }) =>
      Object.keys(parts).flatMap((part) => Object.keys(docs).map((counter) => counterMetric(part, counter).name)),
    ),
  ];
}

function metricTable(metrics: Readonly<Record<string, MetricDoc>>): string {
  const rows = Object.entries(metrics).map(([name, { type, help, labels = [] }]) => {
    const named = labels.map((label) => `\`${label}\``).join(', ');
    return `| \`${name}\` | ${type} | ${named} | ${help} |`;
  });
  return ['| metric | type | labels | what |', '|---|---|---|---|', ...rows].join('\n');
}

function labelTable(): string {
  const rows = Object.entries(LABEL_DOCS).map(([label, doc]) => `| \`${label}\` | ${doc} |`);
  return ['| label | value |', '|---|---|', ...rows].join('\n');
}

/** Where several parts count the same, PART stands for each of them. */
function counterSection({ parts, docs }: CounterGroup): string[] {
  const names = Object.keys(parts);
  const only = names.length === 1 ? names[0] : undefined;
  const rows = Object.entries(docs).map(([counter, doc]) => {
    const { name, type } = counterMetric(only ?? 'part', counter);
    return `| \`${only === undefined ? name.replace('holdfast_part_', 'holdfast_PART_') : name}\` | ${type} | ${doc} |`;
  });
  const table = ['| metric | type | what |', '|---|---|---|', ...rows].join('\n');
  if (only !== undefined) return [table];
  const list = ['| PART | what counts |', '|---|---|'];
  for (const [part, doc] of Object.entries(parts)) list.push(`| \`${part.replaceAll('.', '_')}\` | ${doc} |`);
  return [list.join('\n'), table];
}
