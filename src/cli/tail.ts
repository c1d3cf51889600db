import type { Command } from 'commander';
import type { TappedItem } from '../control/index.ts';
import { CliError } from './cli-error.ts';
import { newCommand } from './command.ts';
import { ControlClient } from './control-client.ts';
import { addControlOptions, type ControlOptions, controlTarget } from './control-target.ts';
import { itemText } from './item-text.ts';
import { jsonLine, type Paint, painter, screenOf } from './terminal.ts';

interface TailOptions extends ControlOptions {
  readonly json?: boolean;
  readonly pattern?: boolean;
}

/** `holdfast tail`: what is published to a channel. */
export function tailCommand(): Command {
  const command = newCommand(
    'tail',
    'Show what is published to a channel, or to all channels of a pattern, as it is published.',
    'holdfast tail greetings',
  );
  return addControlOptions(command)
    .argument('<channel>', 'channel to look at')
    .option('--pattern', 'the channel is a pattern: * is any one token between dots, > is one or more at the end')
    .option('--json', 'print each item as a line of JSON')
    .action(async (channel: string, { json = false, pattern = false, ...options }: TailOptions) => {
      const target = controlTarget(options);
      const paint = painter(screenOf(process.stdout));
      const path = `/channels/${encodeURIComponent(channel)}/messages${pattern ? '?pattern=true' : ''}`;
      for await (const { event, data } of new ControlClient(target).events(path)) {
        if (event === 'item') console.log(json ? jsonLine(data) : itemLine(data as TappedItem, paint, pattern));
        else if (event === 'lost')
          console.error(`${(data as { count: number }).count} items were lost: this reads too slowly`);
      }
      throw new CliError(`${target.name} has ended the stream`);
    });
}

/** @param named whether the line names the channel */
function itemLine(item: TappedItem, paint: (paint: Paint, text: string) => string, named: boolean): string {
  const { channel, receivers } = item;
  const after = [`to ${receivers} ${receivers === 1 ? 'client' : 'clients'}`];
  return itemText(item, { before: named ? [channel] : [], after }, paint);
}
