import { isOfWebhook, patternProblem } from '../codec/grip/index.ts';
import {
  channelDetailsSchema,
  channelPageSchema,
  channelQuery,
  oneChannelQuery,
  patternQuery,
  tappedItemSchema,
} from './channel-schema.ts';
import type { ChannelsBackend } from './control-backend.ts';
import type { EventStream } from './event-stream.ts';
import { historyPageSchema, historyQuery } from './history-schema.ts';
import { notFound } from './not-found.ts';
import { type Operation, operation } from './operation.ts';
import { OperationError } from './operation-error.ts';
import { presencePageSchema, presenceQuery } from './presence-schema.ts';

const params = { name: 'name of the channel, or the pattern, percent-encoded' };

/** The channels of the hub. */
export function channelOperations(channels: ChannelsBackend): readonly Operation[] {
  return [
    operation({
      id: 'listChannels',
      method: 'GET',
      path: '/channels',
      access: 'read',
      tag: 'channels',
      summary:
        'Lists patterns and channels that have subscribers, and with `kept` those that have a history: first the patterns, then the channels, each in the order of their names.',
      query: channelQuery,
      responses: { 200: { doc: 'The channels.', schema: channelPageSchema } },
      handle: async ({ query }) => ({ status: 200, json: await channels.list(query) }),
    }),
    operation({
      id: 'getChannel',
      method: 'GET',
      path: '/channels/{name}',
      access: 'read',
      tag: 'channels',
      summary: 'Tells about one channel or pattern.',
      params,
      query: oneChannelQuery,
      responses: { 200: { doc: 'The channel.', schema: channelDetailsSchema } },
      refusals: ['HF_CONTROL_NOT_FOUND', 'HF_BROKER_AWAY'],
      handle: async ({ params: { name = '' }, query: { pattern, scope } }) => {
        const { value, missing } = await channels.get(name, pattern === 'true', scope);
        if (value === null) throw notFound('the channel has no subscribers and no history', missing);
        return { status: 200, json: value };
      },
    }),
    operation({
      id: 'getHistory',
      method: 'GET',
      path: '/channels/{name}/history',
      access: 'content',
      tag: 'channels',
      summary:
        'Lists the items of a channel that are kept, as clients would get them: the oldest first, with `reverse` the newest. An answer has 1 MiB of items at most, but always one.',
      params: { name: 'name of the channel, percent-encoded' },
      query: historyQuery,
      responses: { 200: { doc: 'The items.', schema: historyPageSchema } },
      refusals: ['HF_CONTROL_NOT_FOUND', 'HF_CONTROL_CONFLICT', 'HF_BROKER_AWAY'],
      handle: async ({ params: { name = '' }, query }) => {
        const page = await channels.history(name, query);
        if (page === null) throw new OperationError('HF_CONTROL_NOT_FOUND', 'the channel has no history');
        return { status: 200, json: page };
      },
    }),
    operation({
      id: 'getPresence',
      method: 'GET',
      path: '/channels/{name}/presence',
      access: 'read',
      tag: 'channels',
      summary: 'Lists the users of a channel, in the order of their names.',
      params: { name: 'name of the channel, percent-encoded' },
      query: presenceQuery,
      responses: { 200: { doc: 'The users.', schema: presencePageSchema } },
      refusals: ['HF_CONTROL_NOT_FOUND'],
      handle: async ({ params: { name = '' }, query }) => {
        const page = await channels.presence(name, query);
        if (page === null) throw new OperationError('HF_CONTROL_NOT_FOUND', 'the channel has no presence');
        return { status: 200, json: page };
      },
    }),
    operation({
      id: 'tapChannel',
      method: 'GET',
      path: '/channels/{name}/messages',
      access: 'content',
      tag: 'channels',
      summary:
        'Tells what is published to a channel, or to all that a pattern matches, from now on, as events `item`. An event `lost` has the number of items that a slow reader did not get.',
      params,
      query: patternQuery,
      responses: { 200: { doc: 'The items.', schema: tappedItemSchema, events: true } },
      handle: ({ params: { name = '' }, query }) => {
        const pattern = query.pattern === 'true';
        const problem = pattern ? patternProblem(name) : null;
        if (problem !== null) throw new OperationError('HF_CONTROL_INVALID', `the pattern is invalid: ${problem}`);
        if (isOfWebhook(name)) throw new OperationError('HF_CONTROL_INVALID', 'the channel is of the server');
        return {
          open: (stream: EventStream) =>
            channels.tap(name, pattern, (item) => {
              if (item === null) stream.lose();
              else stream.send('item', JSON.stringify(item));
            }),
        };
      },
    }),
  ];
}
