import { bytes, count, flag, seconds } from './section-fields.ts';

/** The `[hub]` section: its keys, and what they are for. */
export const hubSection = {
  doc: 'Held connections, and the items published to them.',
  shape: {
    connection_subscription_max: count({
      default: 20,
      from: 1,
      to: 100_000,
      doc: 'Maximum number of channels and patterns of one held connection. Further ones are ignored, counted and logged.',
    }),
    queue_items: count({
      default: 100,
      from: 1,
      to: 1_000_000,
      doc: 'Maximum number of items that wait for one slow client. Further ones are dropped for this client, counted and logged.',
    }),
    queue_bytes: bytes({
      default: 1_048_576,
      from: 1024,
      to: 1_073_741_824,
      doc: 'Maximum number of bytes that wait for one client. Further items are dropped as with `queue_items`. Where messages wait for compression and not for the client, this bound alone counts, and each item beyond `queue_items` costs 64 bytes more.',
    }),
    message_wait: seconds({
      default: 5,
      from: 0.1,
      to: 3600,
      doc: 'Maximum time that an item waits for the one that its `prev-id` names. Then it is delivered without that one.',
    }),
    id_cache_ttl: seconds({
      default: 60,
      from: 0.1,
      to: 86_400,
      zero: 'to deliver repeated items',
      doc: 'Time for which the `id` of an item is remembered. An item with the same channel and `id` is not delivered again.',
    }),
    message_rate: count({
      default: 0,
      from: 1,
      to: 10_000_000,
      zero: 'for no limit',
      doc: 'Maximum number of deliveries a second to the clients of one route; routes without an `id` count together. An item for 100 clients is 100 deliveries. Further ones wait, and go out in batches, 40 a second.',
    }),
    message_hwm: count({
      default: 0,
      from: 1,
      to: 10_000_000,
      zero: 'to let publishers wait instead',
      doc: 'Maximum number of deliveries of one route that wait because of `message_rate`. Further ones are dropped, counted and logged.',
    }),
    message_block_size: bytes({
      default: 0,
      from: 1,
      to: 1_073_741_824,
      zero: 'to count items',
      doc: 'Size of a block. If set, a delivery counts towards `message_rate` and `message_hwm` as many times as its item has blocks. The size of an item is that of its content, unless its `size` says otherwise.',
    }),
    update_on_first_subscription: flag({
      doc: 'Send held requests to their origins again, and follow next links, a second after a channel gets its first client: an item may have been published before. The origin gets one request more for each such client.',
    }),
    subscription_linger: seconds({
      default: 60,
      from: 0.1,
      to: 86_400,
      zero: 'to forget it at once',
      doc: 'Time for which a channel is remembered after its last client, if that was a held request or if the last `id` is known. A client that comes back within this time is not the first one.',
    }),
    presence_grace: seconds({
      default: 5,
      from: 1,
      to: 3600,
      doc: 'Time for which a user without connections has not left a channel, and a channel without clients is not vacated: a client that polls, or comes back, is there again within it.',
    }),
  },
};
