import type { TestContext } from 'node:test';
import type { Guarded } from '../../../src/clock/index.ts';
import type { PublishItem } from '../../../src/codec/grip/index.ts';
import { type HistoryStore, MemoryStore } from '../../../src/history/index.ts';
import { NO_START } from '../../../src/hub/hub-history.ts';
import {
  type ChannelRule,
  ChannelRules,
  type HistoryQuestion,
  type HoldOptions,
  type HubHistory,
} from '../../../src/hub/index.ts';
import type { HeldClient } from '../../support/exchange/held-client.ts';
import { type HubRig, responseInstruct, responseItem, rig, streamInstruct, streamItem } from './support.ts';

export const EVENTS = { headers: ['Content-Type', 'text/event-stream'] };

/** Where nothing fails. */
export const SOUND: Guarded = {
  onFault(thrown) {
    throw thrown;
  },
};

/** What a new client of no channel asks. */
export const QUESTION: HistoryQuestion = {
  channels: [],
  patterns: [],
  after: null,
  start: NO_START,
  id: null,
  ids: [],
  limitBytes: 1_000,
};

export function rule(match: string, more: Partial<ChannelRule> & { items?: number } = {}): ChannelRule {
  const { items = 10, ...rest } = more;
  return {
    match,
    keep: { items, age: Infinity, bytes: Infinity },
    retain: false,
    onGap: 'event',
    presence: false,
    ...rest,
  };
}

/** A hub that keeps what the rules say. */
export function keeping(
  t: TestContext,
  rules: readonly ChannelRule[] = [rule('a'), rule('b')],
  options: Parameters<typeof rig>[1] = {},
): { hub: HubRig; store: HistoryStore } {
  const hub = rig(t, options);
  const store = new MemoryStore({ maxBytes: 4_194_304, log: hub.log, now: () => 1_000 });
  t.after(() => store.stop());
  hub.hub.history.rules = new ChannelRules(rules);
  hub.hub.history.keepIn(store);
  return { hub, store };
}

/** Has the clients of a hub ask its history by way of a function, which may ask it later, or give its answers later. */
export function askBy(
  { hub }: HubRig,
  ask: (source: HubHistory, ...args: Parameters<HubHistory['ask']>) => void,
): void {
  const source = hub.history.source as HubHistory;
  hub.history.source = {
    get epoch() {
      return source.epoch;
    },
    ask: (question, done) => ask(source, question, done),
  };
}

export function event(channel: string, data: string, more: Partial<PublishItem> = {}): PublishItem {
  return { ...streamItem(channel, `data: ${data}\n\n`), ...more };
}

/** An item for held requests, and for event streams. */
export function both(channel: string, text: string): PublishItem {
  return { ...event(channel, text), httpResponse: responseItem(channel, text).httpResponse };
}

function withId(client: HeldClient, id: string | null): HeldClient['request'] {
  return { ...client.request, headers: id === null ? [] : ['Last-Event-ID', id] };
}

/** Holds an event stream of a client that has this event id last; null for none. */
export function come(hub: HubRig, channels: readonly string[], id: string | null = null, credits?: number): HeldClient {
  const client = hub.client(credits);
  return hub.hold(client, streamInstruct(channels, EVENTS), { request: withId(client, id) });
}

/** Holds a request likewise. */
export function poll(
  hub: HubRig,
  channels: readonly string[],
  id: string | null = null,
  options: Partial<HoldOptions> = {},
): HeldClient {
  const client = hub.client();
  return hub.hold(client, responseInstruct(channels, { body: 'nothing' }), { request: withId(client, id), ...options });
}

/** The text of a client, whose cursors are those of `E`. */
export function shown(store: HistoryStore, client: HeldClient): string {
  return client.body.replaceAll(store.epoch, 'E');
}

/** The fields of its response, likewise. */
export function fieldsOf(store: HistoryStore, client: HeldClient): string {
  return (client.head?.headers ?? []).join(' ').replaceAll(store.epoch, 'E');
}
