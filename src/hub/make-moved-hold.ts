import type { Hold } from '../codec/grip/index.ts';
import type { Requester } from '../exchange/index.ts';
import { FilterSet } from './filter-set.ts';
import type { Held } from './held.ts';
import type { HubRoom } from './hub-room.ts';
import type { KeepAlivePlans } from './keep-alive-plan.ts';
import type { HoldParts, ResponseHoldState, StreamHoldState } from './moved-hold.ts';
import { OrderCheck } from './order-check.ts';
import { ResponseHold } from './response-hold.ts';
import { StreamHold } from './stream-hold.ts';

/** The full names of the channels of a hold that a next link leads to. */
export type NamesOf = (hold: Hold, always: readonly string[], prefix: string) => readonly string[];

/**
 * Makes a hold again that another process had, and lets it wait.
 * @param follow gives it its place in the log again
 */
export function movedHold(
  room: HubRoom,
  keepAlives: KeepAlivePlans,
  state: StreamHoldState | ResponseHoldState,
  requester: Requester,
  parts: HoldParts,
  namesOf: NamesOf,
  follow: (held: ResponseHold | StreamHold) => void,
): Held {
  const { credits, route } = state;
  const { link, session, filterService } = parts;
  if (state.kind === 'response-hold') {
    const { response, prevIds, filters, prefix } = state;
    const held = new ResponseHold(room, state, requester, credits, {
      response,
      replay: parts.replay,
      route,
      order: new OrderCheck(new Map(prevIds)),
      filters: filters === null ? null : FilterSet.moved(prefix, filters),
      service: filterService,
    });
    follow(held);
    held.goOn(state, parts);
    return held;
  }
  const { keepAlive, more } = state;
  const options =
    more === null
      ? null
      : {
          ...more,
          session,
          hold: null,
          link,
          filterService,
          namesOf: (hold: Hold) => namesOf(hold, more.always, more.prefix),
        };
  const held = new StreamHold(room, state, requester, credits, keepAlives.share(keepAlive), options, route);
  follow(held);
  held.goOn(state, parts);
  return held;
}
