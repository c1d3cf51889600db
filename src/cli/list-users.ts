import type { Command } from 'commander';
import type { PresencePage } from '../control/index.ts';
import { newCommand } from './command.ts';
import { ControlClient } from './control-client.ts';
import { addControlOptions, type ControlOptions, controlTarget } from './control-target.ts';
import { countText, durationText } from './number-texts.ts';
import { printList } from './print-list.ts';

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
      const pathOf = (after: string): string => {
        const query = new URLSearchParams({ limit: String(PAGE), after });
        return `/channels/${encodeURIComponent(channel)}/presence?${query}`;
      };
      const list = { pathOf, entriesOf: ({ users }: PresencePage) => users };
      const look = { json, columns: COLUMNS, rowOf, none: 'the channel has no users' };
      await printList(new ControlClient(controlTarget(options)), list, look);
    });
}

function rowOf({ user, connections, since }: User): string[] {
  return [user, countText(connections), durationText((Date.now() - Date.parse(since)) / 1_000)];
}
