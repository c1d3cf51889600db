import { Histogram } from './histogram.ts';

/** Labels of a sample: names and values, one after the other. */
export type Labels = readonly string[];

const NO_LABELS: Labels = [];

/** Puts metrics together in the text format of Prometheus (version 0.0.4). Samples of one metric must follow each other. */
export class MetricsText {
  readonly #lines: string[] = [];

  /** Begins a metric. */
  begin(name: string, type: 'counter' | 'gauge' | 'histogram' | 'summary', help: string): void {
    this.#lines.push(`# HELP ${name} ${escaped(help, false)}`, `# TYPE ${name} ${type}`);
  }

  /** Adds a sample of the metric that was begun last. */
  sample(name: string, value: number, labels: Labels = NO_LABELS): void {
    this.#lines.push(`${name}${labelText(labels)} ${value}`);
  }

  /** Adds the samples of a histogram in seconds. */
  histogram(name: string, { counts, sum, count }: Histogram, labels: Labels = NO_LABELS): void {
    let total = 0;
    // The labels are the same for all buckets of a histogram, and those of many routes are most of the text.
    const own = labelText(labels);
    const start = `${name}_bucket${own === '' ? '{' : `${own.slice(0, -1)},`}le="`;
    Histogram.bounds.forEach((bound, index) => {
      total += counts[index] as number;
      this.#lines.push(`${start}${bound}"} ${total}`);
    });
    this.#lines.push(`${start}+Inf"} ${count}`);
    this.sample(`${name}_sum`, sum, labels);
    this.sample(`${name}_count`, count, labels);
  }

  get text(): string {
    return `${this.#lines.join('\n')}\n`;
  }
}

function labelText(labels: Labels): string {
  if (labels.length === 0) return '';
  const pairs: string[] = [];
  for (let i = 0; i < labels.length; i += 2) pairs.push(`${labels[i]}="${escaped(labels[i + 1] as string, true)}"`);
  return `{${pairs.join(',')}}`;
}

function escaped(text: string, quoted: boolean): string {
  const plain = text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  return quoted ? plain.replaceAll('"', '\\"') : plain;
}
