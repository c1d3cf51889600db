import { fieldValues, listMembers } from '../codec/fields/index.ts';
import {
  ExchangeError,
  errorResponse,
  NO_RESPONDER,
  type Requester,
  type RequestHead,
  type Responder,
  respond,
  type Service,
} from '../exchange/index.ts';
import { AwaitedTrust } from './awaited-trust.ts';
import { findRoute, hostOf } from './find-route.ts';
import { GripBytes } from './grip-bytes.ts';
import { KeptBodies } from './kept-body.ts';
import { countForward, respondAsLast } from './max-forwards.ts';
import { ProxiedExchange } from './proxied-exchange.ts';
import type { ProxyRoom } from './proxy-room.ts';
import { normalizeTarget } from './target-path.ts';

/** The service that passes requests to the origins of their routes. */
export function proxyService(options: Pick<ProxyRoom, 'settings' | 'hub' | 'counters' | 'log'>): Service {
  const room: ProxyRoom = {
    ...options,
    keptBodies: new KeptBodies(),
    gripBytes: new GripBytes(),
    goneRequests: new Set(),
    unsignedNoted: false,
  };
  return (received, requester) => {
    const settings = room.settings.current;
    const target = normalizeTarget(received.target);
    const request = target === received.target ? received : { ...received, target };
    const route = findRoute(request, settings);
    if (route === null) {
      const text = `No route for host: ${hostOf(request.authority)}`;
      const error = new ExchangeError('HF_NO_ROUTE', `no route matches ${request.method} ${request.target}`, text);
      return refuse(error, request, requester, room, settings.debug);
    }
    const { cdnLoop } = settings.rules;
    if (cdnLoop !== '' && hasPassed(request, cdnLoop)) {
      const error = new ExchangeError('HF_LOOP', `CDN-Loop names ${cdnLoop}, which is this proxy`);
      return refuse(error, request, requester, room, route.debug);
    }
    const counted = countForward(request);
    if (counted === null) {
      respondAsLast(request, requester);
      return NO_RESPONDER;
    }
    const proxied = { request: counted, route, settings, trusted: false };
    if (settings.trust?.mayTrust(request)) return new AwaitedTrust(room, proxied, requester, settings.trust);
    const exchange = new ProxiedExchange(room, proxied, requester);
    exchange.start();
    return exchange;
  };
}

/** Whether CDN-Loop says that a request has been here before (RFC 8586 §2). A member may have parameters after its name. */
function hasPassed({ headers }: RequestHead, name: string): boolean {
  const own = name.toLowerCase();
  for (const member of listMembers(fieldValues(headers, 'cdn-loop'))) {
    const end = member.search(/[\t ;]/);
    if ((end < 0 ? member : member.slice(0, end)).toLowerCase() === own) return true;
  }
  return false;
}

function refuse(
  error: ExchangeError,
  { id, authority }: RequestHead,
  requester: Requester,
  { counters, log }: ProxyRoom,
  debug: boolean,
): Responder {
  counters.requestsFailed++;
  log[error.face.level]({ id, host: authority, code: error.code, detail: error.detail }, 'request failed');
  respond(requester, errorResponse(error, debug));
  return NO_RESPONDER;
}
