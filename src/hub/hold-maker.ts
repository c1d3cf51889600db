import type { Hold } from '../codec/grip/index.ts';
import { type ClientNames, clientNames } from '../exchange/index.ts';
import { FilterSet } from './filter-set.ts';
import type { HoldOptions } from './hold-options.ts';
import type { HubRoom } from './hub-room.ts';
import { KeepAlivePlans } from './keep-alive-plan.ts';
import { OrderCheck } from './order-check.ts';
import { ResponseHold } from './response-hold.ts';
import { StreamHold } from './stream-hold.ts';
import { shownKey, subscriptionKey } from './subscription-key.ts';
import { userName } from './user-name.ts';

/** Makes the holds of requests and of streams from what origins instruct. */
export class HoldMaker {
  /** Plans that streams share. */
  readonly keepAlives = new KeepAlivePlans();
  readonly #room: HubRoom;

  constructor(room: HubRoom) {
    this.#room = room;
  }

  /** The hold of a request. It does not wait for items yet. */
  make(options: HoldOptions): StreamHold | ResponseHold {
    const { instruct, request, user } = options;
    const { hold } = instruct;
    const held = hold?.mode === 'response' ? this.#newResponse(options, hold) : this.#newStream(options);
    // What the origin says counts: it has seen the token too.
    held.user = userName(hold?.meta.user ?? user, request, this.#room);
    return held;
  }

  /** The names and keys of patterns that the hold is subscribed to, each once, as many as are allowed. */
  namesOf(
    hold: Hold,
    { channels = [], channelPrefix = '' }: Pick<HoldOptions, 'channels' | 'channelPrefix'>,
    names: ClientNames,
  ): readonly string[] {
    const { counters, log } = this.#room;
    const max = this.#room.limits.current.connectionSubscriptionMax;
    const channelNames = [
      ...new Set([...channels, ...hold.channels.map((each) => subscriptionKey(channelPrefix, each))]),
    ];
    const dropped = channelNames.length - max;
    if (dropped > 0) {
      channelNames.length = max;
      counters.subscriptionsDropped += dropped;
      log.info({ ...clientNames(names), dropped, max }, 'too many channels for one connection');
    }
    if (log.debugEnabled)
      log.debug({ ...clientNames(names), mode: hold.mode, channels: channelNames.map(shownKey) }, 'hold');
    return channelNames;
  }

  #newStream(options: HoldOptions): StreamHold {
    const {
      request,
      requester,
      credits,
      link = null,
      channelPrefix: prefix = '',
      channels = [],
      debug = false,
      session = null,
      route,
      user: claimed = null,
    } = options;
    const { hold } = options.instruct;
    const keepAlive = this.keepAlives.share(hold?.keepAlive ?? null);
    const isPlain =
      link === null &&
      session === null &&
      hold?.channels.every(({ prevId, filters }) => prevId === null && filters.length === 0);
    const namesOf = (other: Hold): readonly string[] =>
      this.namesOf(other, { channels, channelPrefix: prefix }, request);
    const more = isPlain
      ? null
      : {
          always: channels,
          hold,
          link,
          session,
          prefix,
          debug,
          claimed,
          namesOf,
          filterService: options.filterService ?? null,
        };
    const held = new StreamHold(this.#room, request, requester, credits, keepAlive, more, route);
    held.slow = options.slow ?? 'catch_up';
    held.prefix = prefix;
    return held;
  }

  #newResponse(options: HoldOptions, { channels }: Hold): ResponseHold {
    const { request, requester, credits, instruct, replay, channelPrefix = '', route = '', session } = options;
    const held = new ResponseHold(this.#room, request, requester, credits, {
      response: instruct.response,
      replay,
      route,
      order: OrderCheck.of(channels, channelPrefix),
      filters: FilterSet.of(instruct.hold, channelPrefix),
      service: options.filterService ?? null,
    });
    held.session = session ?? null;
    return held;
  }
}
