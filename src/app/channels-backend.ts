import type { HttpResponseFormat, HttpStreamFormat, PublishItem, WsMessageFormat } from '../codec/grip/index.ts';
import type { ChannelsBackend, TappedItem } from '../control/index.ts';
import { type FaultReport, reportFault } from '../exchange/index.ts';
import { type Hub, keyOfInfo } from '../hub/index.ts';
import type { HubRelay } from '../hub-relay/index.ts';

/** Bytes of a format that a tap shows. */
const SHOWN = 4_096;

/**
 * Items of one tap, each cut to what it shows, that wait for worker processes to tell how many clients they go to. Beyond it items are lost.
 * @bound tap-uncounted
 */
const MAX_UNCOUNTED = 256;

/** What is asked of a hub here, or of the way to the hubs of workers. */
type Channels = Pick<Hub, 'channelPage'> &
  Pick<HubRelay, 'channelInfos'> & {
    tap(key: string, onItem: (item: PublishItem, receivers: number | Promise<number>) => void): () => void;
  };

/** The channels of the hub in this process. */
export function hubChannels(hub: Hub): Channels {
  return {
    channelPage: (query) => hub.channelPage(query),
    channelInfos: (keys) => new Promise((resolve) => hub.channelInfos(keys, resolve)),
    tap: (key, onItem) => hub.tap(key, onItem),
  };
}

/** The channels for the control API. */
export function channelsBackend(channels: Channels, report: FaultReport): ChannelsBackend {
  return {
    list: async ({ prefix = '', after = '', limit }) => {
      const page = await channels.channelPage({ prefix, after, limit });
      return { ...page, channels: [...page.channels] };
    },
    get: async (name, pattern) => (await channels.channelInfos([keyOfInfo({ name, pattern })]))[0] ?? null,
    tap: (name, pattern, onItem) => {
      const counted = new CountedItems(onItem, report);
      return channels.tap(keyOfInfo({ name, pattern }), (item, receivers) => counted.add(shownItem(item), receivers));
    },
  };
}

/** Passes items on in their order, each once its receivers are counted. */
class CountedItems {
  readonly #onItem: (item: TappedItem | null) => void;
  readonly #report: FaultReport;
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(onItem: (item: TappedItem | null) => void, report: FaultReport) {
    this.#onItem = onItem;
    this.#report = report;
  }

  add(item: Omit<TappedItem, 'receivers'>, receivers: number | Promise<number>): void {
    if (typeof receivers === 'number') {
      this.#onItem({ ...item, receivers });
    } else if (this.#waiting >= MAX_UNCOUNTED) {
      this.#onItem(null);
    } else {
      this.#waiting++;
      this.#last = this.#last
        .then(async () => {
          const count = await receivers;
          this.#waiting--;
          this.#onItem({ ...item, receivers: count });
        })
        .catch((thrown: unknown) => reportFault(this.#report, thrown));
    }
  }
}

function shownItem({
  channel,
  id,
  prevId,
  httpResponse,
  httpStream,
  wsMessage,
}: PublishItem): Omit<TappedItem, 'receivers'> {
  const formats: TappedItem['formats'] = {};
  if (httpResponse !== null) formats['http-response'] = shown(bodyOf(httpResponse), httpResponse.action);
  if (httpStream !== null) formats['http-stream'] = shown(httpStream.content, httpStream.action);
  if (wsMessage !== null) formats['ws-message'] = shown(wsMessage.content, actionOf(wsMessage));
  const bytes = Object.values(formats).reduce((sum, format) => sum + format.bytes, 0);
  return { time: new Date().toISOString(), channel, id, prevId, formats, bytes };
}

function bodyOf({ body, bodyPatch }: HttpResponseFormat): Buffer {
  return bodyPatch === null ? body : Buffer.from(JSON.stringify(bodyPatch));
}

function actionOf({ action, type }: WsMessageFormat): string {
  return action === 'send' ? type : action;
}

function shown(content: Buffer, action: HttpStreamFormat['action'] | string): TappedItem['formats'][string] {
  const cut = content.length > SHOWN;
  const part = cut ? content.subarray(0, SHOWN) : content;
  const about = { action, bytes: content.length, cut };
  const text = textOf(part, cut);
  return text === null ? { base64: part.toString('base64'), ...about } : { text, ...about };
}

/** @returns null for what is not UTF-8; a character that the cut has gone through does not count */
function textOf(part: Buffer, cut: boolean): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(part, { stream: cut });
  } catch {
    return null;
  }
}
