import { acceptedCodings, type EncodedCoding } from '../codec/content/index.ts';
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

/** What is added to the name of a file for the one beside it that has the same content in a coding. The best coding comes first. */
export const CODED: Readonly<Record<EncodedCoding, string>> = { br: '.br', gzip: '.gz' };

const CODINGS = Object.keys(CODED) as EncodedCoding[];

/**
 * Serves the pages of the dashboard with the fields that keep browsers from loading anything else. `/dashboard` leads to `/dashboard/`.
 * @param coded paths of files that have the content of another one in a coding: they are sent in its place where the client takes it
 */
export function pageService(files: Service, coded: ReadonlySet<string>, counters: OriginCounters): Service {
  return (request, requester) => {
    const path = pathOf(request.target);
    if (path !== '/dashboard') {
      const file = path === PAGES ? `${PAGES}index.html` : path;
      const there = CODINGS.filter((coding) => coded.has(file + CODED[coding]));
      const [coding = null] = acceptedCodings(request.headers, there);
      const relay = new PageRelay(requester, counters, path.startsWith(ASSETS), coding, there.length > 0);
      relay.attach(files(coding === null ? request : { ...request, target: file + CODED[coding] }, relay));
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
  readonly #coding: EncodedCoding | null;
  readonly #varies: boolean;

  /**
   * @param coding that of the file; null for none
   * @param varies whether other clients get it in another one
   */
  constructor(
    requester: Requester,
    counters: OriginCounters,
    isAsset: boolean,
    coding: EncodedCoding | null,
    varies: boolean,
  ) {
    super(requester, counters);
    this.#isAsset = isAsset;
    this.#coding = coding;
    this.#varies = varies;
  }

  override onResponse(head: ResponseHead): void {
    const found = head.status === 200 || head.status === 206 || head.status === 304;
    const cached = this.#isAsset && found ? 'public, max-age=31536000, immutable' : 'no-cache';
    const headers = [...head.headers, ...FIELDS, 'Cache-Control', cached];
    // RFC 9110 §12.5.5 and §8.4. A 304 is about the file that its entity tag names.
    if (this.#varies) headers.push('Vary', 'Accept-Encoding');
    if (this.#coding !== null && (head.status === 200 || head.status === 206))
      headers.push('Content-Encoding', this.#coding);
    super.onResponse({ ...head, headers });
  }
}
