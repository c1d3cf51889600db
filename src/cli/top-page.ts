import type { Status } from '../control/index.ts';
import { bytesText, countText, durationText, rateText, timeText } from './number-texts.ts';
import { replacedText } from './replaced-text.ts';
import { STATE_PAINT } from './status.ts';
import type { StatusRates } from './status-rates.ts';
import { painter, type Screen, safeText } from './terminal.ts';

/** What `top` shows. */
export interface TopState {
  readonly status: Status;
  /** Null before the second status. */
  readonly rates: StatusRates | null;
  /** The control port. */
  readonly name: string;
  /** Since when there is no connection; null while there is one. */
  readonly lost: Date | null;
}

/** Columns of a name. */
const NAME = 14;

/** Share of the open files at which the number stands out. */
const MANY_FILES = 0.8;

/** The page of `holdfast top`, line by line. */
export function topPage({ status, rates, name, lost }: TopState, screen: Screen): string[] {
  const paint = painter(screen);
  const { version, pid, state, uptime, connections, held, channels, memory, eventLoop, openFiles, workers } = status;
  const row = (title: string, ...cells: readonly string[]): string =>
    paint('dim', title.padEnd(NAME)) + cells.map((cell) => cell.padEnd(20)).join('');
  const rate = (value: number | undefined): string => (value === undefined ? '–' : rateText(value));
  const shown = lost === null ? paint(STATE_PAINT[state], state) : paint('red', 'no connection, trying again');
  const processes = workers === 0 ? '' : `, ${workers} workers`;
  const files = `${openFiles.used ?? '–'} of ${openFiles.limit ?? '–'}`;
  const isFull = openFiles.used !== null && openFiles.limit !== null && openFiles.used > MANY_FILES * openFiles.limit;
  return [
    `${paint('bold', `holdfast ${version}`)}  ${shown}  up ${durationText(uptime)}  process ${pid}${processes}  ${paint('dim', safeText(name))}`,
    '',
    row(
      'clients',
      `${countText(connections)} connections`,
      `${countText(held)} held`,
      `${countText(channels)} channels`,
    ),
    row('requests', rate(rates?.requests)),
    row('items', `${rate(rates?.published)} published`, `${rate(rates?.delivered)} delivered`),
    row('delivery', `${timeText(rates?.p50 ?? null)} p50`, `${timeText(rates?.p99 ?? null)} p99`),
    row('event loop', `${timeText(eventLoop.p50)} p50`, `${timeText(eventLoop.p99)} p99`),
    row('memory', bytesText(memory.rss), `${bytesText(memory.heapUsed)} heap`),
    row('open files', isFull ? paint('red', files) : files),
    // What has long been over is in `holdfast status`.
    ...(status.replaced === null || status.replaced.state === 'ended'
      ? []
      : [row('upgrade', replacedText(status.replaced))]),
    ...(status.configuration.lastError === null
      ? []
      : [row('last reload', paint('red', safeText(status.configuration.lastError)))]),
    '',
    paint(
      'bold',
      `${'role'.padEnd(NAME)}${'open'.padStart(10)}${'accepted'.padStart(14)}${'requests'.padStart(14)}${'refused'.padStart(12)}${'faults'.padStart(9)}`,
    ),
    ...roleLines(status, (text) => paint('red', text)),
    '',
    paint('dim', 'q ends'),
  ];
}

function roleLines({ counters }: Status, alarm: (text: string) => string): string[] {
  const lines: string[] = [];
  for (const [role, values] of Object.entries(counters)) {
    const own = serverCounters(values as Record<string, unknown>);
    if (own === null) continue;
    const cell = (name: string, width: number): string => countText(Number(own[name] ?? 0)).padStart(width);
    const faults = cell('faults', 9);
    lines.push(
      `${role.padEnd(NAME)}${cell('connectionsOpen', 10)}${cell('connectionsAccepted', 14)}${cell('requests', 14)}${cell('requestsRefused', 12)}${Number(own.faults ?? 0) > 0 ? alarm(faults) : faults}`,
    );
  }
  return lines;
}

/** The counters of a role's server, which some roles have among others. Null where no clients connect. */
function serverCounters(values: Record<string, unknown>): Record<string, unknown> | null {
  if (typeof values.connectionsOpen === 'number') return values;
  const { server } = values;
  return typeof server === 'object' && server !== null && 'connectionsOpen' in server
    ? (server as Record<string, unknown>)
    : null;
}

/** One line of `holdfast top`, for files and pipes. */
export function topLine({ status, rates }: TopState, now: Date): string {
  const { state, connections, held, channels, eventLoop, memory } = status;
  const rate = (value: number | undefined): string => (value === undefined ? '-' : value.toFixed(1));
  const fields: readonly (readonly [string, string | number])[] = [
    ['state', state],
    ['connections', connections],
    ['held', held],
    ['channels', channels],
    ['requests', rate(rates?.requests)],
    ['published', rate(rates?.published)],
    ['delivered', rate(rates?.delivered)],
    ['delivery_p99', rates?.p99?.toFixed(6) ?? '-'],
    ['loop_p99', eventLoop.p99.toFixed(6)],
    ['rss', memory.rss],
  ];
  return `${now.toISOString()} ${fields.map(([name, value]) => `${name}=${value}`).join(' ')}`;
}
