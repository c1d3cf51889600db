import type { ItemExtras } from '../codec/grip/index.ts';
import { distinctMembers, type Group } from './channel.ts';
import type { Channels } from './channels.ts';
import type { Format } from './step.ts';

/** The channel of an item, and which of its formats are there. */
export interface ReceivedFormats {
  readonly channel: string;
  readonly id: string | null;
  readonly extras?: ItemExtras | null;
  /** Null where the item has no such format. */
  readonly httpResponse: object | null;
  readonly httpStream: object | null;
  readonly wsMessage: object | null;
}

/** How many clients an item would get if it were published now: each counts once, by however many patterns it gets the item. */
export function receiversOf(channels: Channels, item: ReceivedFormats): number {
  let count = 0;
  if (item.httpResponse !== null) count += receiversIn(channels, item.channel, 'http-response');
  if (item.httpStream !== null) count += receiversIn(channels, item.channel, 'http-stream');
  if (item.wsMessage !== null) count += receiversIn(channels, item.channel, 'ws-message');
  return count;
}

function receiversIn(channels: Channels, name: string, format: Format): number {
  const own = channels.get(name)?.groupOf(format) ?? null;
  if (!channels.havePatterns) return own?.size ?? 0;
  const groups: Group[] = own === null || own.size === 0 ? [] : [own];
  for (const pattern of channels.matching(name)) {
    const group = pattern.groupOf(format);
    if (group !== null && group.size > 0) groups.push(group);
  }
  return groups.length > 1 ? distinctMembers(groups).length : (groups[0]?.size ?? 0);
}
