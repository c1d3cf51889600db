import { type Target, targetName } from '../config/index.ts';
import type { HeaderList, RequestHead, Responder } from '../exchange/index.ts';
import { findRoute } from './find-route.ts';
import type { ProxiedRequest } from './proxied-request.ts';
import type { ProxyRoom } from './proxy-room.ts';
import type { TargetRequester } from './proxy-target.ts';
import { GRIP_FEATURES, originHeaders } from './request-headers.ts';
import { normalizeTarget, rewriteTarget } from './target-path.ts';
import { traceFields } from './trace-fields.ts';

/** What of a request's head the link does not tell. */
export type LinkHead = Pick<RequestHead, 'method' | 'bodyLength' | 'credits'> & {
  /** Fields of its own. None by default. */
  readonly headers?: HeaderList;
};

const NO_FIELDS: HeaderList = [];

/** Where a link of a held client leads: to the routes, if scheme, host and port are those of its request, else out (GRIP §5.3). */
export class LinkRoute {
  /** Without its fragment. */
  readonly uri: string;
  /** Names the target: a bounded number of requests is at each at once. */
  readonly target: string;
  readonly #room: ProxyRoom;
  /** The request that came to be held. */
  readonly #proxied: ProxiedRequest;
  readonly #url: URL;
  readonly #isOwn: boolean;

  /**
   * @param uri may be relative
   * @param base the link that led to this one, or the URI of the client's request
   */
  constructor(room: ProxyRoom, proxied: ProxiedRequest, uri: string, base: string) {
    const url = new URL(uri, base);
    url.hash = '';
    this.#room = room;
    this.#proxied = proxied;
    this.#url = url;
    this.uri = url.href;
    this.#isOwn = url.origin === new URL(publicUri(proxied.request)).origin;
    this.target = this.#isOwn ? targetName(this.#routed().route.route.targets[0] as Target) : url.host;
  }

  /** Whether responses are never looked at for instructions. */
  get noGrip(): boolean {
    return this.#isOwn && this.#routed().route.route.noGrip;
  }

  /** The route that gives requests their fields: those for the same URI by the same route are equal. */
  get via(): object {
    return this.#isOwn ? this.#routed().route : this.#proxied.route;
  }

  /** Sends a request. Returns null where nothing leads to the link. */
  send(head: LinkHead, gripLast: readonly string[], requester: TargetRequester): Responder | null {
    const { protocol, host, pathname, search } = this.#url;
    if (protocol !== 'http:' && protocol !== 'https:') return null;
    const { id } = this.#proxied.request;
    const scheme = protocol === 'https:' ? 'https' : 'http';
    const target = normalizeTarget(pathname + search);
    const request: RequestHead = {
      ...head,
      id,
      target,
      scheme,
      authority: host,
      version: '1.1',
      headers: [...(head.headers ?? NO_FIELDS), ...traceFields(this.#proxied.request)],
      // The request is for all clients that are at the same place, so it tells of none.
      peer: { address: '', port: 0 },
    };
    return this.#isOwn ? this.#sendOwn(request, gripLast, requester) : this.#sendOut(request, gripLast, requester);
  }

  #sendOwn(request: RequestHead, gripLast: readonly string[], requester: TargetRequester): Responder | null {
    const { route, settings } = this.#routed();
    const target = rewriteTarget(request.target, route.route);
    if (target === null) return null;
    const headers = originHeaders({ request, route, settings, trusted: false, permit: null }, gripLast);
    return route.targets.send({ ...request, target, headers }, requester);
  }

  #sendOut(request: RequestHead, gripLast: readonly string[], requester: TargetRequester): Responder | null {
    const { external } = this.#room.settings.current;
    const { route } = this.#proxied;
    if (external === undefined) return null;
    const headers = ['Host', request.authority, ...request.headers];
    const signature = route.signer?.token();
    if (signature !== undefined) headers.push('Grip-Sig', signature);
    headers.push('Grip-Feature', GRIP_FEATURES);
    for (const last of gripLast) headers.push('Grip-Last', last);
    const isUntrusted = route.route.targets.some(({ untrusted }) => untrusted);
    return external(this.#url, isUntrusted)({ ...request, headers }, requester);
  }

  /** The route of the link by the settings in force; the held client's own where no route takes it. */
  #routed(): Pick<ProxiedRequest, 'route' | 'settings'> {
    const settings = this.#room.settings.current;
    const { request, route } = this.#proxied;
    const target = normalizeTarget(this.#url.pathname + this.#url.search);
    return { settings, route: findRoute({ ...request, target }, settings) ?? route };
  }
}

/** The URI that the client asked for. */
export function publicUri({ scheme, authority, target }: RequestHead): string {
  const http = scheme === 'https' || scheme === 'wss' ? 'https' : 'http';
  const uri = `${http}://${authority}${target}`;
  return URL.canParse(uri) ? uri : `${http}://localhost/`;
}
