import { fieldValue } from '../codec/fields/index.ts';
import {
  answer,
  ExchangeError,
  errorResponse,
  type Requester,
  type RequestHead,
  type Responder,
  type Service,
} from '../exchange/index.ts';
import { ProxiedExchange, type ProxyRoom } from './proxied-exchange.ts';
import type { ProxiedRoute } from './proxied-route.ts';
import type { ProxiedRequest } from './request-headers.ts';
import type { RouteTable } from './route-table.ts';
import { normalizeTarget, pathOf } from './target-path.ts';
import type { UpstreamTrust } from './upstream-trust.ts';

/** What a proxy is made of. */
export interface ProxyOptions extends ProxyRoom {
  readonly routes: RouteTable<ProxiedRoute>;
  /** Null where no GRIP proxy in front is trusted. */
  readonly trust: UpstreamTrust | null;
  /** Whether answers to requests without a route tell so in detail. */
  readonly debug: boolean;
}

const ANSWERED: Responder = {
  onRequestData: () => {},
  onRequestError: () => {},
  onResponseCredit: () => {},
};

/** The service that passes requests to the origins of their routes. */
export function proxyService(options: ProxyOptions): Service {
  const { trust } = options;
  return (received, requester) => {
    const target = normalizeTarget(received.target);
    const request = target === received.target ? received : { ...received, target };
    const tls = isEncrypted(request, options);
    const route = findRoute(request, tls, options);
    if (route === null) {
      refuse(request, requester, options);
      return ANSWERED;
    }
    if (trust?.mayTrust(request))
      return new AwaitedTrust(options, { request, route, trusted: false }, requester, trust);
    const exchange = new ProxiedExchange(options, { request, route, trusted: false }, requester);
    exchange.start();
    return exchange;
  };
}

function isEncrypted(request: RequestHead, options: ProxyOptions): boolean {
  if (request.scheme === 'https' || request.scheme === 'wss') return true;
  if (!options.rules.acceptXForwardedProtocol) return false;
  const { headers } = request;
  const protocol = fieldValue(headers, 'x-forwarded-proto') ?? fieldValue(headers, 'x-forwarded-protocol');
  return protocol === 'https' || protocol === 'wss';
}

function findRoute(request: RequestHead, tls: boolean, options: ProxyOptions): ProxiedRoute | null {
  const { routes, rules } = options;
  if (rules.acceptPushpinRoute) {
    const id = fieldValue(request.headers, 'pushpin-route');
    if (id !== undefined) return routes.byId(id);
  }
  return routes.find({
    host: hostOf(request.authority),
    path: pathOf(request.target),
    webSocket: request.scheme === 'ws' || request.scheme === 'wss',
    tls,
  });
}

/** The host of an authority, without its port, in lower case. */
function hostOf(authority: string): string {
  const colon = authority.lastIndexOf(':');
  const host = colon > authority.lastIndexOf(']') ? authority.slice(0, colon) : authority;
  return host.toLowerCase();
}

function refuse(request: RequestHead, requester: Requester, options: ProxyOptions): void {
  const { counters, log, debug } = options;
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

/** A request that claims to come from a GRIP proxy in front, while its signature is looked at. */
class AwaitedTrust implements Responder {
  #gone = false;

  constructor(options: ProxyOptions, proxied: ProxiedRequest, requester: Requester, trust: UpstreamTrust) {
    void trust.trusts(proxied.request).then((trusted) => {
      if (this.#gone) return;
      const exchange = new ProxiedExchange(options, { ...proxied, trusted }, requester);
      requester.handOver(exchange);
      exchange.start();
    });
  }

  /** No credit has been given: nothing can come. */
  onRequestData(): void {}

  onRequestError(): void {
    this.#gone = true;
  }

  /** Nothing has been sent: nothing can have been granted. */
  onResponseCredit(): void {}
}
