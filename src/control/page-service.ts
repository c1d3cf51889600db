import { pathOf } from '../codec/http1/index.ts';
import {
  ExchangeRelay,
  type HeaderList,
  NO_RESPONDER,
  type OriginCounters,
  type Requester,
  type ResponseHead,
  respond,
  type Service,
} from '../exchange/index.ts';

/** Where the pages are. */
export const PAGES = '/dashboard/';

/** Pages may load what comes from here, and nothing else: no inline scripts and styles, no frames around them (CSP Level 3). */
const POLICY = [
  ...["default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "font-src 'self'"],
  ...["connect-src 'self'", "manifest-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"],
].join('; ');

const FIELDS: HeaderList = [
  ...['Content-Security-Policy', POLICY, 'X-Content-Type-Options', 'nosniff', 'Referrer-Policy', 'no-referrer'],
  ...['Cross-Origin-Opener-Policy', 'same-origin', 'Cross-Origin-Resource-Policy', 'same-origin'],
];

/** Names of these files change with their content. */
const ASSETS = `${PAGES}assets/`;

/** Serves the pages of the dashboard with the fields that keep browsers from loading anything else. `/dashboard` leads to `/dashboard/`. */
export function pageService(files: Service, counters: OriginCounters): Service {
  return (request, requester) => {
    const path = pathOf(request.target);
    if (path !== '/dashboard') {
      const relay = new PageRelay(requester, counters, path.startsWith(ASSETS));
      relay.attach(files(request, relay));
      return relay;
    }
    const headers = ['Location', PAGES, ...FIELDS];
    respond(requester, { head: { status: 308, reason: '', headers, bodyLength: 0 }, body: Buffer.alloc(0) });
    return NO_RESPONDER;
  };
}

/** Whether a path is one of the pages. */
export function isPage(path: string): boolean {
  return path === '/dashboard' || path.startsWith(PAGES);
}

class PageRelay extends ExchangeRelay {
  readonly #isAsset: boolean;

  constructor(requester: Requester, counters: OriginCounters, isAsset: boolean) {
    super(requester, counters);
    this.#isAsset = isAsset;
  }

  override onResponse(head: ResponseHead): void {
    const found = head.status === 200 || head.status === 206 || head.status === 304;
    const cached = this.#isAsset && found ? 'public, max-age=31536000, immutable' : 'no-cache';
    super.onResponse({ ...head, headers: [...head.headers, ...FIELDS, 'Cache-Control', cached] });
  }
}
