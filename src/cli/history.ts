import { type Command, InvalidArgumentError, Option } from 'commander';
import type { HistoryItem, HistoryPage } from '../control/index.ts';
import { parseCursor } from '../history/index.ts';
import { CliError } from './cli-error.ts';
import { newCommand, wholeNumber } from './command.ts';
import { ControlClient } from './control-client.ts';
import { addControlOptions, type ControlOptions, controlTarget } from './control-target.ts';
import { itemText } from './item-text.ts';
import { jsonLine, painter, screenOf } from './terminal.ts';

/** Items of one request. */
const PAGE = 1_000;

/** Items that are shown where nothing else is said. */
const SHOWN = 20;

const MAX_SHOWN = 1_000_000;

interface HistoryOptions extends ControlOptions {
  readonly since?: string;
  readonly limit: number;
  readonly reverse?: boolean;
  readonly json?: boolean;
}

/** `holdfast history`: what is kept of a channel. */
export function historyCommand(): Command {
  const command = newCommand(
    'history',
    'Show the items of a channel that are kept, the oldest first. Without --since these are the newest items.',
    'holdfast history greetings',
  );
  return addControlOptions(command)
    .argument('<channel>', 'channel to look at')
    .option('--since <cursor>', 'only items after this cursor, or before it with --reverse', cursor)
    .addOption(
      new Option('--limit <count>', 'how many items at most').argParser(wholeNumber(1, MAX_SHOWN)).default(SHOWN),
    )
    .option('--reverse', 'show the newest item first')
    .option('--json', 'print each item as a line of JSON')
    .action(async (channel: string, options: HistoryOptions) => {
      const { since, limit, reverse = false, json = false, ...where } = options;
      const client = new ControlClient(controlTarget(where));
      const paint = painter(screenOf(process.stdout));
      const show = (item: HistoryItem): void => {
        const { cursor } = item;
        if (json) console.log(jsonLine(item));
        else console.log(itemText(item, { before: [cursor], after: [] }, paint));
      };
      // The newest ones are found from the end on.
      const isNewest = since === undefined && !reverse;
      const items = itemsOf(client, channel, { since, limit, reverse: reverse || isNewest });
      const newest: HistoryItem[] = [];
      for await (const item of items) {
        if (isNewest) newest.push(item);
        else show(item);
      }
      for (const item of newest.reverse()) show(item);
    });
}

/** @throws CliError when items are gone, or some other thing has gone wrong */
async function* itemsOf(
  client: ControlClient,
  channel: string,
  options: { readonly since: string | undefined; readonly limit: number; readonly reverse: boolean },
): AsyncGenerator<HistoryItem, void> {
  let { since, limit } = options;
  while (limit > 0) {
    const query = new URLSearchParams({ limit: String(Math.min(limit, PAGE)), reverse: String(options.reverse) });
    if (since !== undefined) query.set('since', since);
    const { json } = await client.ask('GET', `/channels/${encodeURIComponent(channel)}/history?${query}`);
    const { recovered, items, next } = json as HistoryPage;
    if (!recovered) throw new CliError(`some items after ${since} are not kept any more, or it is of another history`);
    yield* items;
    if (next === null) return;
    since = next;
    limit -= items.length;
  }
}

function cursor(value: string): string {
  if (parseCursor(value) === null) throw new InvalidArgumentError('Expected a cursor, as the items have it.');
  return value;
}
