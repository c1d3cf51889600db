import type { Command } from 'commander';
import type { PresencePage } from '../control/index.ts';
import { newCommand } from './command.ts';
import { ControlClient } from './control-client.ts';
import { addControlOptions, type ControlOptions, controlTarget } from './control-target.ts';
import { countText, durationText } from './number-texts.ts';
import { tableLines } from './table-text.ts';
import { painter, safeText, screenOf } from './terminal.ts';

/** Users of one request. */
const PAGE = 1_000;

const COLUMNS = [{ heading: 'USER' }, { heading: 'CONNECTIONS', isNumber: true }, { heading: 'SINCE', isNumber: true }];

interface PresenceOptions extends ControlOptions {
  readonly json?: boolean;
}

type User = PresencePage['users'][number];

/** `holdfast presence`: the users of a channel. */
export function presenceCommand(): Command {
  const command = newCommand('presence', 'List the users of a channel.', 'holdfast presence lobby');
  return addControlOptions(command)
    .argument('<channel>', 'channel to look at')
    .option('--json', 'print each user as a line of JSON')
    .action(async (channel: string, { json = false, ...options }: PresenceOptions) => {
      const client = new ControlClient(controlTarget(options));
      const paint = painter(screenOf(process.stdout));
      const rows: string[][] = [];
      for await (const user of listed(client, channel)) {
        if (json) console.log(safeText(JSON.stringify(user)));
        else rows.push(rowOf(user));
      }
      if (json) return;
      if (rows.length === 0) console.error('the channel has no users');
      else console.log(tableLines(COLUMNS, rows, paint).join('\n'));
    });
}

async function* listed(client: ControlClient, channel: string): AsyncGenerator<User, void> {
  for (let after: string | null = ''; after !== null; ) {
    const query = new URLSearchParams({ limit: String(PAGE), after });
    const path = `/channels/${encodeURIComponent(channel)}/presence?${query}`;
    const page = (await client.ask('GET', path)).json as PresencePage;
    yield* page.users;
    after = page.next;
  }
}

function rowOf({ user, connections, since }: User): string[] {
  return [user, countText(connections), durationText((Date.now() - Date.parse(since)) / 1_000)];
}
