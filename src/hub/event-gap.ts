import { asciiJson } from '../codec/fields/index.ts';

/**
 * Bytes of the value of `Event-Gap`. Names that have no room are left out.
 * @bound event-gap
 */
export const MAX_EVENT_GAP = 4_096;

/** The value of the field `Event-Gap`: the channels as a list in JSON, of ASCII characters alone. */
export function eventGap(channels: readonly string[]): string {
  let list = '';
  for (const channel of channels) {
    const more = `${list}${list === '' ? '' : ','}${asciiJson(channel)}`;
    if (more.length + 2 <= MAX_EVENT_GAP) list = more;
  }
  return `[${list}]`;
}
