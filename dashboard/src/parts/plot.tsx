import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { ceilingOf } from '../live/ceiling-of.ts';
import type { History, Metric } from '../live/history.ts';
import { theme } from '../live/theme.ts';

/** Pixels: of the plot, and of the marks at its left. */
const HEIGHT = 108;
const MARKS = 52;

/** The cursors of all plots move together. */
const TOGETHER = uPlot.sync('holdfast');

interface PlotProps {
  /** What is drawn, the first one strongest. */
  readonly metrics: readonly Metric[];
  readonly history: History;
  /** Seconds that are shown. */
  readonly span: number;
  /** Changes with each sample. */
  readonly tick: number;
  /** The mark at a value of the axis. */
  readonly mark: (value: number) => string;
  /** For those who do not see it. */
  readonly label: string;
  /** Called with the index, in the columns of the span, of the sample under the cursor. */
  readonly onPoint: (index: number | null) => void;
}

/** Lines over time. */
export function Plot({ metrics, history, span, tick, mark, label, onPoint }: PlotProps) {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const drawn = useRef({ metrics, history, span, mark, onPoint });
  drawn.current = { metrics, history, span, mark, onPoint };

  useEffect(() => {
    const element = host.current;
    if (element === null) return;
    const build = () => {
      plot.current?.destroy();
      plot.current = new uPlot(optionsOf(element, drawn), columnsOf(drawn.current), element);
    };
    build();
    // uPlot has its width from us. A plot must not make its card wider than the page lets it be.
    const resized = new ResizeObserver(() => {
      plot.current?.setSize({ width: element.clientWidth, height: HEIGHT });
    });
    resized.observe(element);
    const unsubscribe = theme.subscribe(build);
    return () => {
      unsubscribe();
      resized.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, []);

  // A tick says that the history has grown.
  useEffect(() => {
    if (!document.hidden) plot.current?.setData(columnsOf(drawn.current));
  }, [tick, span]);

  return <div class="plot" ref={host} role="img" aria-label={label} />;
}

type Drawn = Pick<PlotProps, 'metrics' | 'history' | 'span' | 'mark' | 'onPoint'>;

function columnsOf({ history, metrics, span }: Drawn): uPlot.AlignedData {
  return history.columns(metrics, span);
}

function optionsOf(element: HTMLElement, drawn: { current: Drawn }): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  return {
    width: element.clientWidth,
    height: HEIGHT,
    padding: [8, 2, 6, 0],
    legend: { show: false },
    cursor: { sync: { key: TOGETHER.key }, y: false, drag: { x: false, y: false }, points: { size: 7 } },
    scales: {
      x: { time: true, range: (_plot, _low, high) => [high - drawn.current.span, high] },
      // From zero, so that heights can be compared.
      y: { range: (_plot, _low, high) => [0, ceilingOf(high)] },
    },
    series: [
      {},
      ...drawn.current.metrics.map((_metric, i) => ({
        stroke: colour(i === 0 ? '--accent' : '--line-second'),
        width: 1.5,
        fill: i === 0 ? colour('--accent-wash') : undefined,
        points: { show: false },
      })),
    ],
    axes: [
      { show: false },
      {
        stroke: colour('--muted'),
        font: `11px ${style.fontFamily}`,
        size: MARKS,
        gap: 6,
        ticks: { show: false },
        grid: { stroke: colour('--grid'), width: 1 },
        splits: (_plot, _axis, _low, high) => [0, high / 2, high],
        values: (_plot, values) => values.map((value) => (value === 0 ? '0' : drawn.current.mark(value))),
      },
    ],
    hooks: {
      setCursor: [({ cursor: { idx, left = -1 } }) => drawn.current.onPoint(left < 0 ? null : (idx ?? null))],
    },
  };
}
