import {
  answer,
  ExchangeError,
  errorResponse,
  NO_RESPONDER,
  type Requester,
  type RequestHead,
  type Service,
} from '../exchange/index.ts';
import { AwaitedTrust } from './awaited-trust.ts';
import { findRoute, hostOf } from './find-route.ts';
import { ProxiedExchange, type ProxyRoom } from './proxied-exchange.ts';
import type { ProxySettings } from './proxy-settings.ts';
import { normalizeTarget } from './target-path.ts';

/** The service that passes requests to the origins of their routes. */
export function proxyService(room: ProxyRoom): Service {
  return (received, requester) => {
    const settings = room.settings.current;
    const target = normalizeTarget(received.target);
    const request = target === received.target ? received : { ...received, target };
    const route = findRoute(request, settings);
    if (route === null) {
      refuse(request, requester, room, settings);
      return NO_RESPONDER;
    }
    if (settings.trust?.mayTrust(request)) {
      return new AwaitedTrust(room, { request, route, settings, trusted: false }, requester, settings.trust);
    }
    const exchange = new ProxiedExchange(room, { request, route, settings, trusted: false }, requester);
    exchange.start();
    return exchange;
  };
}

function refuse(
  request: RequestHead,
  requester: Requester,
  { counters, log }: ProxyRoom,
  { debug }: ProxySettings,
): void {
  const error = new ExchangeError(
    'HF_NO_ROUTE',
    `no route takes ${request.method} ${request.target}`,
    `No route for host: ${hostOf(request.authority)}`,
  );
  counters.requestsFailed++;
  const { id, authority } = request;
  log[error.face.level]({ id, host: authority, code: error.code, detail: error.detail }, 'request failed');
  answer(requester, errorResponse(error, debug));
}
