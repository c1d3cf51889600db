import { type PublishItem, presenceChannel } from '../codec/grip/index.ts';
import { emptyItem, textMessage } from './bare-item.ts';
import type { ChannelRules } from './channel-rules.ts';
import type { PresenceEvent } from './presence-event.ts';

/** What is published of events: to the presence channel of their channel, and to the queues of the webhooks that are told of them. */
export function presenceItems(events: readonly PresenceEvent[], rules: ChannelRules): PublishItem[] {
  const items: PublishItem[] = [];
  for (const event of events) {
    const { kind, channel } = event;
    const text = eventText(event);
    if (event.user !== null && rules.of(channel)?.presence === true) {
      items.push(presenceItem(presenceChannel(channel), kind, text));
    }
    for (const queue of rules.queuesFor(kind, channel)) items.push(queuedItem(queue, text));
  }
  return items;
}

/** The event as JSON. */
function eventText({ kind, channel, user, time }: PresenceEvent): string {
  return JSON.stringify({ event: kind, channel, ...(user !== null && { user }), time: new Date(time).toISOString() });
}

function presenceItem(channel: string, kind: string, text: string): PublishItem {
  return {
    ...emptyItem(channel),
    httpResponse: {
      action: 'send',
      code: 200,
      reason: 'OK',
      headers: ['Content-Type', 'application/json'],
      exposeHeaders: null,
      body: Buffer.from(`${text}\n`),
      bodyPatch: null,
      contentFilters: null,
    },
    httpStream: {
      action: 'send',
      content: Buffer.from(`event: ${kind}\ndata: ${text}\n\n`),
      contentFilters: null,
    },
    wsMessage: textMessage(text),
  };
}

/** What waits for a webhook: no client gets it. */
function queuedItem(queue: string, text: string): PublishItem {
  return { ...emptyItem(queue), wsMessage: textMessage(text) };
}
