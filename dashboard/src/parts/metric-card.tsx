import { useId, useState } from 'preact/hooks';
import { clock, type Quantity, text } from '../live/format.ts';
import type { History, Metric } from '../live/history.ts';
import { Plot } from './plot.tsx';

/** One line of a card. */
interface Shown {
  readonly metric: Metric;
  readonly name: string;
}

interface MetricCardProps {
  readonly title: string;
  /** One or two lines; the first one is the large number. Names are empty where the title says it. */
  readonly lines: readonly [Shown, Shown?];
  readonly show: (value: number | null | undefined) => Quantity;
  readonly mark: (value: number) => string;
  readonly history: History;
  readonly span: number;
  readonly tick: number;
}

/** A number that changes, large, and how it has been. Under the cursor it shows what was then. */
export function MetricCard({ title, lines, show, mark, history, span, tick }: MetricCardProps) {
  const [point, setPoint] = useState<number | null>(null);
  const id = useId();
  const shown = lines.filter((line) => line !== undefined);
  const [times, ...columns] = history.columns(
    shown.map(({ metric }) => metric),
    span,
  );
  const index = point !== null && point < times.length ? point : times.length - 1;
  const [first, second] = shown.map(({ name }, i) => ({ name, value: show(columns[i]?.[index]) }));
  if (first === undefined) return null;
  const then = point !== null && index === point ? clock(new Date((times[index] as number) * 1000)) : null;
  return (
    <section class="card" aria-labelledby={id}>
      <div class="card-head">
        <h2 id={id}>{title}</h2>
        {second && (
          <span class="aside second">
            {second.name} {text(second.value)}
          </span>
        )}
      </div>
      <p class="figures">
        <span class="figure">
          {first.value.value}
          <small> {first.value.unit}</small>
        </span>
        <span class="aside">{first.name}</span>
        {then !== null && <span class="then">{then}</span>}
      </p>
      <Plot
        metrics={shown.map(({ metric }) => metric)}
        history={history}
        span={span}
        tick={tick}
        mark={mark}
        label={labelOf(title, columns[0] ?? [], show)}
        onPoint={setPoint}
      />
      <p class="ends" aria-hidden="true">
        <span>{span / 60} min ago</span>
        <span>now</span>
      </p>
    </section>
  );
}

/** What the plot of a metric shows, in words. */
function labelOf(title: string, values: readonly (number | null)[], show: MetricCardProps['show']): string {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return `Plot of ${title.toLowerCase()}, no values yet`;
  const [least, most] = [Math.min(...known), Math.max(...known)];
  return `Plot of ${title.toLowerCase()}, from ${text(show(least))} to ${text(show(most))}`;
}
