import { attempt } from '../clock/index.ts';
import { asciiJson, contentCodings, fieldValues, listMembers } from '../codec/fields/index.ts';
import { encodeHeaderText } from '../codec/grip/index.ts';
import { BodyCollector, type ExchangeError, LEAST_COST, type ResponseHead, WINDOW } from '../exchange/index.ts';
import {
  type FilterCall,
  type FilterClient,
  FilterError,
  type FilterQuestion,
  type FilterService,
} from '../hub/index.ts';
import { LinkRoute, publicUri } from './link-route.ts';
import { proxiedState, type RequestPart } from './moved-request.ts';
import { OwnRequest } from './own-request.ts';
import type { ProxiedRequest } from './proxied-request.ts';
import type { ProxyRoom } from './proxy-room.ts';

/**
 * Bytes of a response to a filter (GRIP §6).
 * @bound filter-response
 */
export const MAX_FILTER_RESPONSE = 100_000;

/**
 * Bytes of `Sub-Meta` and of `Pub-Meta`. Servers take no header that is much larger.
 * @bound filter-meta
 */
export const MAX_META_FIELD = 16_384;

/** Makes the requests of a client's filters, by the rules of links: to the routes, if the service is where the client's request went, else out. */
export class ProxiedFilters implements FilterService {
  readonly #room: ProxyRoom;
  readonly #proxied: ProxiedRequest;

  constructor(room: ProxyRoom, proxied: ProxiedRequest) {
    this.#room = room;
    this.#proxied = proxied;
  }

  get state(): RequestPart {
    return { kind: 'filters', proxied: proxiedState(this.#proxied) };
  }

  open({ url, body, subMeta, pubMeta, positions }: FilterQuestion, client: FilterClient): FilterCall {
    const base = publicUri(this.#proxied.request);
    const absolute = url.replace(/^ws(?=s?:)/i, 'http');
    if (!URL.canParse(absolute, base)) throw new FilterError('filter error: the url is invalid');
    const { prefix } = this.#proxied.route.route;
    const headers = ['Sub-Meta', metaField(subMeta), 'Pub-Meta', metaField(pubMeta)];
    const gripLast = positions.map(({ name, id }) => encodeHeaderText(`${name.slice(prefix.length)}; last-id=${id}`));
    const route = new LinkRoute(this.#room, this.#proxied, absolute, base);
    return new FilterRequest(this.#room, route, headers, gripLast, body, client);
  }
}

/** A request that asks the service of a filter about one item. */
class FilterRequest extends OwnRequest implements FilterCall {
  readonly target: string;
  readonly uri: string;
  readonly #headers: readonly string[];
  readonly #client: FilterClient;
  readonly #bodyLength: number;
  #head: ResponseHead | null = null;
  readonly #collected = new BodyCollector(MAX_FILTER_RESPONSE);
  /** Bytes that are counted among those of GRIP responses. */
  #charged = 0;

  constructor(
    room: ProxyRoom,
    route: LinkRoute,
    headers: readonly string[],
    gripLast: readonly string[],
    body: Buffer,
    client: FilterClient,
  ) {
    super(room, route, gripLast, body);
    this.target = route.target;
    this.uri = route.uri;
    this.#headers = headers;
    this.#client = client;
    this.#bodyLength = body.length;
  }

  start(): void {
    this.send({ method: 'POST', bodyLength: this.#bodyLength, credits: WINDOW, headers: this.#headers });
  }

  override onResponse(head: ResponseHead): void {
    if (this.over) return;
    const [coding] = contentCodings(head.headers);
    if (coding !== undefined) {
      this.cut(`the response is encoded with ${coding}`);
      return;
    }
    this.#head = head;
    this.#charge();
  }

  override onResponseData(chunk: Buffer, more: boolean): void {
    if (this.over) return;
    if (this.room.gripBytes.full || !this.#collected.add(chunk)) {
      const all = this.room.gripBytes.full
        ? 'too much is being read'
        : `the response is over ${MAX_FILTER_RESPONSE} bytes`;
      this.cut(all);
      return;
    }
    this.#charge();
    if (more) {
      this.credit(chunk.length);
      return;
    }
    const { status, headers } = this.#head as ResponseHead;
    const drop = listMembers(fieldValues(headers, 'action')).some((action) => action.toLowerCase() === 'drop');
    this.end();
    attempt(this.#client, respond, status, drop, Buffer.from(this.#collected.body));
  }

  override onResponseError({ code, detail }: ExchangeError): void {
    this.fail(`${this.uri} failed: ${code} ${detail}`);
  }

  /** Counts what is kept now. */
  #charge(): void {
    const kept = this.over ? 0 : Math.max(LEAST_COST, this.#collected.length);
    this.room.gripBytes.used += kept - this.#charged;
    this.#charged = kept;
  }

  protected override onEnd(): void {
    this.#charge();
  }

  protected override tellFailure(detail: string): void {
    attempt(this.#client, fail, detail);
  }
}

// The last calls to a client. The request is over then, so an exception in them is the client's to handle: nothing else would tell it.

function respond(client: FilterClient, status: number, drop: boolean, body: Buffer): void {
  client.onFilterResponse(status, drop, body);
}

function fail(client: FilterClient, detail: string): void {
  client.onFilterFailed(detail);
}

/**
 * A JSON object in ASCII, so that any header can carry it.
 * @throws FilterError if it is too large
 */
function metaField(meta: Readonly<Record<string, string>>): string {
  const text = asciiJson(meta);
  if (text.length > MAX_META_FIELD) throw new FilterError(`filter error: metadata over ${MAX_META_FIELD} bytes`);
  return text;
}
