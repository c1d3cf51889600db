import { listSlot } from '../codec/fields/index.ts';
import type { HeaderList, RequestHead } from '../exchange/index.ts';
import type { ProxiedRequest } from './proxied-request.ts';
import type { ProxiedRoute } from './proxied-route.ts';
import type { ProxySettings } from './proxy-settings.ts';
import { originHeaders } from './request-headers.ts';

/** Number of lists kept. */
const SLOTS = 64;

/** A list, and all that it was made from. */
interface Kept extends Pick<RequestHead, 'headers' | 'authority' | 'scheme' | 'version'> {
  readonly address: string;
  readonly route: ProxiedRoute;
  readonly settings: ProxySettings;
  readonly trusted: boolean;
  readonly signature: string | undefined;
  readonly list: HeaderList;
}

/**
 * The fields that origins get, kept for requests with equal fields. Readers return the same list for those (see `RepeatedBlocks`), so the same
 * list comes of it, and whoever writes it out knows it again.
 */
export class KeptOriginHeaders {
  readonly #slots: (Kept | null)[] = new Array(SLOTS).fill(null);

  /** What `originHeaders` returns. */
  of(proxied: ProxiedRequest, gripLast: readonly string[]): HeaderList {
    if (hasOwnFields(proxied) || gripLast.length > 0) return originHeaders(proxied, gripLast);
    const { request, route, settings, trusted } = proxied;
    const { headers, authority, scheme, version } = request;
    const { address } = request.peer;
    const signature = trusted || route.route.noGrip ? undefined : route.signer?.token();
    const slot = listSlot(headers, SLOTS);
    const kept = this.#slots[slot] as Kept | null;
    if (
      kept !== null &&
      kept.headers === headers &&
      kept.route === route &&
      kept.settings === settings &&
      kept.trusted === trusted &&
      kept.signature === signature &&
      kept.authority === authority &&
      kept.scheme === scheme &&
      kept.version === version &&
      kept.address === address
    ) {
      return kept.list;
    }
    const list = originHeaders(proxied, gripLast);
    this.#slots[slot] = { headers, authority, scheme, version, address, route, settings, trusted, signature, list };
    return list;
  }
}

/** Whether fields are added that are for this request alone, or that come from more than its head and its route. */
function hasOwnFields({ request, permit, session = null }: ProxiedRequest): boolean {
  return permit !== null || session !== null || request.peer.proxy !== undefined;
}
