import { fieldValue } from '../codec/fields/index.ts';
import { hostOf, pathOf } from '../codec/http1/index.ts';
import type { RequestHead } from '../exchange/index.ts';
import type { HeaderRules } from './header-rules.ts';
import type { ProxiedRoute } from './proxied-route.ts';
import type { ProxySettings } from './proxy-settings.ts';

function isEncrypted(request: RequestHead, rules: HeaderRules): boolean {
  if (request.scheme === 'https' || request.scheme === 'wss') return true;
  if (!rules.acceptXForwardedProtocol) return false;
  const { headers } = request;
  const protocol = fieldValue(headers, 'x-forwarded-proto') ?? fieldValue(headers, 'x-forwarded-protocol');
  return protocol === 'https' || protocol === 'wss';
}

/** The route that takes a request, whose target is normalized; null if none does. */
export function findRoute(request: RequestHead, { routes, rules }: ProxySettings): ProxiedRoute | null {
  if (rules.acceptPushpinRoute) {
    const id = fieldValue(request.headers, 'pushpin-route');
    if (id !== undefined) return routes.byId(id);
  }
  const webSocket = request.scheme === 'ws' || request.scheme === 'wss';
  return routes.find(hostOf(request.authority), pathOf(request.target), webSocket, isEncrypted(request, rules));
}
