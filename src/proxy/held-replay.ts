import { type Target, targetName } from '../config/index.ts';
import { CreditedRequest, type Requester } from '../exchange/index.ts';
import type { FormerHold, Replay, ReplayExchange } from '../hub/index.ts';
import { afterGap } from './after-gap.ts';
import { findRoute } from './find-route.ts';
import { proxiedState, type RequestPart } from './moved-request.ts';
import type { ProxiedRequest } from './proxied-request.ts';
import type { ProxyRoom } from './proxy-room.ts';

const NOTHING: readonly string[] = [];

/** A held request that is sent to its origin again. */
export interface Repetition {
  readonly former: FormerHold;
  /** The whole request body; null for none. */
  readonly body: Buffer | null;
  readonly gripLast: readonly string[];
}

/** From what another process makes a replay again. */
export interface ReplayPart extends RequestPart {
  readonly body: Buffer | null;
  readonly gripLast: readonly string[];
}

/** Makes the exchange of a repetition. */
type Repeat = (
  room: ProxyRoom,
  proxied: ProxiedRequest,
  requester: Requester,
  repetition: Repetition,
) => ReplayExchange;

/**
 * Sends a held request again (GRIP hint, recovery): the response to it decides what becomes of the client. Keeps the request and its
 * body, but neither the exchange that led to the hold nor the hold before it: a client may be replayed any number of times.
 */
export class HeldReplay implements Replay {
  readonly target: string;
  readonly #room: ProxyRoom;
  readonly #proxied: ProxiedRequest;
  readonly #requester: Requester;
  readonly #body: Buffer | null;
  readonly #gripLast: readonly string[];
  readonly #repeat: Repeat;

  /** @param body the whole request body; null for none */
  constructor(
    room: ProxyRoom,
    proxied: ProxiedRequest,
    requester: Requester,
    body: Buffer | null,
    gripLast: readonly string[],
    repeat: Repeat,
  ) {
    this.target = targetName(proxied.route.route.targets[0] as Target);
    this.#room = room;
    this.#proxied = proxied;
    this.#requester = requester;
    this.#body = body;
    this.#gripLast = gripLast;
    this.#repeat = repeat;
  }

  get bytes(): number {
    return this.#body?.length ?? 0;
  }

  open(former: FormerHold, missed: readonly string[] | null): ReplayExchange {
    const proxied = routedNow(this.#room, this.#proxied);
    if (missed === null) {
      const repetition = { former, body: this.#body, gripLast: this.#gripLast };
      return this.#repeat(this.#room, proxied, this.#requester, repetition);
    }
    // The origin must not take it for a client that goes on where it was.
    const repetition = { former, body: this.#body, gripLast: NOTHING };
    return this.#repeat(this.#room, afterGap(proxied, missed), this.#requester, repetition);
  }

  get state(): ReplayPart {
    return { kind: 'replay', proxied: proxiedState(this.#proxied), body: this.#body, gripLast: this.#gripLast };
  }
}

/** The held request with the current settings: its route may have other targets by now. A removed route still serves its held clients. */
function routedNow(room: ProxyRoom, proxied: ProxiedRequest): ProxiedRequest {
  const settings = room.settings.current;
  if (settings === proxied.settings) return proxied;
  return { ...proxied, settings, route: findRoute(proxied.request, settings) ?? proxied.route };
}

/** A body that was kept, on its way to an origin. */
export function repeatedBody(kept: Buffer): CreditedRequest {
  const body = new CreditedRequest();
  body.give(kept);
  body.end();
  return body;
}
