import type { Command } from 'commander';
import type { Channel, ChannelPage } from '../control/index.ts';
import { newCommand } from './command.ts';
import { ControlClient } from './control-client.ts';
import { addControlOptions, type ControlOptions, controlTarget } from './control-target.ts';
import { bytesText, countText, durationText } from './number-texts.ts';
import { printList } from './print-list.ts';

/** Channels of one request. */
const PAGE = 1_000;

const COLUMNS = [
  { heading: 'CHANNEL' },
  { heading: 'CLIENTS', isNumber: true },
  { heading: 'KEPT', isNumber: true },
  { heading: 'BYTES', isNumber: true },
  { heading: 'OLDEST', isNumber: true },
  { heading: 'LAST ID' },
];

interface ChannelsOptions extends ControlOptions {
  readonly json?: boolean;
}

/** `holdfast channels`: the channels of a running server. */
export function channelsCommand(): Command {
  const command = newCommand(
    'channels',
    'List the channels and patterns that have clients, and the channels that have a history.',
    'holdfast channels orders.',
  );
  return addControlOptions(command)
    .argument('[prefix]', 'only those whose names begin with it')
    .option('--json', 'print each channel as a line of JSON')
    .action(async (prefix: string | undefined, { json = false, ...options }: ChannelsOptions) => {
      const pathOf = (after: string): string =>
        `/channels?${new URLSearchParams({ kept: 'true', limit: String(PAGE), prefix: prefix ?? '', after })}`;
      const list = { pathOf, entriesOf: ({ channels }: ChannelPage) => channels };
      const look = { json, columns: COLUMNS, rowOf, none: 'there are no such channels' };
      await printList(new ControlClient(controlTarget(options)), list, look);
    });
}

function rowOf({ name, pattern = false, subscribers, lastId, history }: Channel): string[] {
  const age = history?.oldest == null ? '' : durationText((Date.now() - Date.parse(history.oldest)) / 1_000);
  return [
    pattern ? `${name} (pattern)` : name,
    countText(subscribers),
    ...(history === undefined ? ['–', '', ''] : [countText(history.items), bytesText(history.bytes), age]),
    lastId ?? '',
  ];
}
