import { channelPageSchema, channelQuery, channelSchema, tappedItemSchema } from './channel-schema.ts';
import type { ChannelsBackend } from './control-backend.ts';
import type { EventStream } from './event-stream.ts';
import { type Operation, operation } from './operation.ts';
import { OperationError } from './operation-error.ts';

const params = { name: 'name of the channel, percent-encoded' };

/** The channels of the hub. */
export function channelOperations(channels: ChannelsBackend): readonly Operation[] {
  return [
    operation({
      id: 'listChannels',
      method: 'GET',
      path: '/channels',
      access: 'read',
      tag: 'channels',
      summary: 'Lists channels that have subscribers, in the order of their names.',
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
      summary: 'Tells about one channel.',
      params,
      responses: { 200: { doc: 'The channel.', schema: channelSchema } },
      refusals: ['HF_CONTROL_NOT_FOUND'],
      handle: async ({ params: { name = '' } }) => {
        const channel = await channels.get(name);
        if (channel === null) throw new OperationError('HF_CONTROL_NOT_FOUND', 'the channel has no subscribers');
        return { status: 200, json: channel };
      },
    }),
    operation({
      id: 'tapChannel',
      method: 'GET',
      path: '/channels/{name}/messages',
      access: 'content',
      tag: 'channels',
      summary:
        'Tells what is published to a channel from now on, as events `item`. An event `lost` has the number of items that a slow reader did not get.',
      params,
      responses: { 200: { doc: 'The items.', schema: tappedItemSchema, events: true } },
      handle: ({ params: { name = '' } }) => ({
        open: (stream: EventStream) =>
          channels.tap(name, (item) => {
            if (item === null) stream.lose();
            else stream.send('item', JSON.stringify(item));
          }),
      }),
    }),
  ];
}
