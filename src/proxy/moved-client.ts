import type {
  ExchangeRecord,
  PartState,
  RelayState,
  Requester,
  Responder,
  WebSocketRequester,
} from '../exchange/index.ts';
import type { HeldState, HoldParts, ResponseHoldState, StreamHoldState } from '../hub/index.ts';
import { CorsRelay, type CorsState } from './cross-origin/cors-relay.ts';
import { ProxiedFilters } from './filter-request.ts';
import { GuardedExchange, type GuardedState } from './guard/guarded-exchange.ts';
import { GuardedWebSocket } from './guard/guarded-websocket.ts';
import type { ReplayPart } from './held-replay.ts';
import { movedRequest, type RequestPart } from './moved-request.ts';
import { movedReplay } from './proxied-exchange.ts';
import { type LinkPart, ProxiedGone, ProxiedLink } from './proxied-link.ts';
import { ProxiedWebSocket, type ProxiedWebSocketState } from './proxied-websocket.ts';
import type { ProxyRoom } from './proxy-room.ts';
import { movedSession } from './session-state.ts';

/**
 * Makes the responder of a client that another process had, by the settings in force here.
 * @throws Error where the client's request has no route any more, and needs one; it has to stay in the other process then
 */
export function movedClient(
  room: ProxyRoom,
  state: PartState,
  requester: Requester,
  record: ExchangeRecord | null,
): Responder {
  switch (state.kind) {
    case 'stream-hold':
    case 'response-hold': {
      const held = state as StreamHoldState | ResponseHoldState;
      return room.hub.adopt(held, requester, partsOf(room, held, requester), record);
    }
    case 'proxied-websocket':
      return ProxiedWebSocket.moved(room, state as ProxiedWebSocketState, requester as WebSocketRequester, record);
    case 'cors': {
      const { request, inner } = state as CorsState;
      const relay = new CorsRelay(requester, room.counters, request);
      relay.attach(movedClient(room, inner, relay, record));
      return relay;
    }
    case 'guarded': {
      const relay = new GuardedExchange(room, requester);
      relay.goOn(state as GuardedState, (client) => movedClient(room, (state as RelayState).inner, client, record));
      return relay;
    }
    case 'guarded-websocket': {
      const relay = new GuardedWebSocket(room, requester as WebSocketRequester);
      relay.goOn(
        state as GuardedState,
        (client) => movedClient(room, (state as RelayState).inner, client, record) as ProxiedWebSocket,
      );
      return relay;
    }
    default:
      throw new Error(`no client of the kind ${state.kind} can be taken over`);
  }
}

/**
 * Finds out whether `movedClient` can make the responder of a client, as long as the settings stay.
 * @throws Error that says why not
 */
export function checkMovedClient(room: ProxyRoom, state: PartState): void {
  switch (state.kind) {
    case 'stream-hold':
    case 'response-hold': {
      const { gone, asks } = state as HeldState;
      const { replay = null } = state as Partial<ResponseHoldState>;
      const link = (state as Partial<StreamHoldState>).more?.session.link ?? null;
      for (const part of [gone, asks, replay, link])
        if (part !== null) movedRequest(room, (part as RequestPart).proxied);
      return;
    }
    case 'proxied-websocket': {
      const { proxied, target, grip } = state as ProxiedWebSocketState;
      const { targets } = movedRequest(room, proxied).route;
      if (grip.origin === null || targets.targetNamed(target)?.webSocketService.moved !== undefined) return;
      throw new Error(`the target ${target} takes no WebSockets over HTTP any more`);
    }
    case 'cors':
    case 'guarded':
    case 'guarded-websocket':
      checkMovedClient(room, (state as RelayState).inner);
      return;
    default:
      throw new Error(`no client of the kind ${state.kind} can be taken over`);
  }
}

function partsOf(room: ProxyRoom, state: StreamHoldState | ResponseHoldState, requester: Requester): HoldParts {
  const { gone, session, asks } = state;
  const link = state.kind === 'stream-hold' ? (state.more?.session.link ?? null) : null;
  const replay = state.kind === 'response-hold' ? state.replay : null;
  return {
    link: link === null ? null : ProxiedLink.moved(room, link as LinkPart),
    gone: gone === null ? null : ProxiedGone.moved(room, gone as LinkPart),
    session: movedSession(room, session),
    filterService: asks === null ? null : new ProxiedFilters(room, movedRequest(room, (asks as RequestPart).proxied)),
    replay: replay === null ? null : movedReplay(room, replay as ReplayPart, requester),
  };
}
