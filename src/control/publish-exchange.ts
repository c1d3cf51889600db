import { fieldValue, fieldValues, listMembers, parseIdempotencyKey } from '../codec/fields/index.ts';
import {
  MAX_KEY_BYTES,
  OversizedItemError,
  type PublishError,
  type PublishItem,
  ReusedKeyError,
} from '../codec/grip/index.ts';
import { pathOf } from '../codec/http1/index.ts';
import {
  BodyCollector,
  type ControlCounters,
  CreditedResponse,
  type Current,
  ERRORS,
  type ExchangeError,
  errorCounts,
  type HeaderList,
  type Log,
  type Requester,
  type RequestHead,
  type Responder,
  reportFault,
  respond,
  shownTarget,
  type TokenBucket,
  textResponse,
  UNKNOWN_LENGTH,
  WINDOW,
} from '../exchange/index.ts';
import { type ItemsOwner, ItemsPublication, type Publication } from '../hub/index.ts';
import { acceptedType } from './accepted-type.ts';
import type { Publisher } from './control-publisher.ts';
import type { ControlSettings } from './control-settings.ts';
import { channelOfMessage, type MessageRequest, messageItems, messageRequest } from './message-request.ts';
import { OperationError } from './operation-error.ts';
import { allowedOrigin, refusedSource } from './refused-source.ts';
import { recoverQuery, type Scope } from './scope-schema.ts';
import { validQuery } from './valid-input.ts';

/** What a page of an allowed origin may send (Fetch §3.3). */
const PREFLIGHT: readonly string[] = [
  ...['Content-Type', 'text/plain', 'Access-Control-Allow-Methods', 'POST'],
  ...[
    'Access-Control-Allow-Headers',
    'Authorization, Content-Type, Idempotency-Key, Prefer',
    'Access-Control-Max-Age',
    '600',
  ],
];

/** Bytes of a field with an idempotency key: each character may be escaped, in quotes. */
const MAX_KEY_FIELD = 2 * MAX_KEY_BYTES + 2;

const EMPTY = Buffer.alloc(0);

/** Methods whose requests need no Content-Length, for they have no body as a rule. */
const BODYLESS: readonly string[] = ['GET', 'HEAD', 'DELETE', 'OPTIONS'];

/** What all requests to the endpoint share. */
export interface PublishEndpoint {
  readonly publisher: Publisher;
  readonly counters: ControlCounters;
  readonly log: Log;
  readonly settings: Current<ControlSettings>;
  /** Whether anything can be published. */
  readonly publishes: boolean;
  readonly rate: TokenBucket;
  /** Whether the log says already that an item has no format that anybody receives. */
  unreachedNoted: boolean;
}

/** The response where the other nodes of the cluster do not get what was published. */
const PUBLISHED_HERE = 'Published on this node alone: the broker is away';

/** What the response says of an item. */
interface ShownItem {
  readonly channel: string;
  readonly id: string | undefined;
  receivers: number;
  cursor: string | null;
}

/** One request to the endpoint. Its responses are a line each, so they wait for no credits. */
export class PublishExchange implements Responder, ItemsOwner {
  readonly #endpoint: PublishEndpoint;
  readonly #request: RequestHead;
  readonly #requester: Requester;
  readonly #path: string;
  /** The channel of a request with a message for one; null for other requests. */
  readonly #channel: string | null;
  /** Whether items are published. */
  readonly #publishes: boolean;
  #message: MessageRequest | null = null;
  #asJson = false;
  /** The origin of the page behind the request, if that may publish. */
  #origin: string | null = null;
  /** The response says how many receivers each item had. */
  #representation = false;
  /** The idempotency key of the request, and the field that has it; null without one. */
  #key: string | null = null;
  #keyField: string | null = null;
  readonly #shown: ShownItem[] = [];
  /** Names of nodes of a cluster that have not told their receivers. */
  readonly #missing = new Set<string>();
  /** What is not known yet of the items: receivers or cursors of some of them. */
  #unknown = 0;
  #published = false;
  /** A response that is longer than a line. */
  #response: CreditedResponse | null = null;
  /** Null before a body is wanted, and once the request has its response or is given up. */
  #body: BodyCollector | null = null;
  /** Bytes of the body that may still be asked for. */
  #ungranted = 0;
  /** The complete body, until it is the publisher's turn. */
  #waiting: Buffer = EMPTY;
  /** Which nodes of a cluster recover. */
  #scope: Scope = 'cluster';
  /** The idempotency keys of its items, from when other nodes are asked for them until it is known what became of the items. */
  #keys: ReadonlyMap<string, string> | null = null;
  /** Its items, from then on until the request has its response or is given up. */
  #items: ItemsPublication | null = null;
  #over = false;

  constructor(endpoint: PublishEndpoint, request: RequestHead, requester: Requester) {
    this.#endpoint = endpoint;
    this.#request = request;
    this.#requester = requester;
    this.#path = barePath(request.target);
    this.#channel = channelOfMessage(this.#path);
    this.#publishes = this.#path === '/publish' || this.#channel !== null;
  }

  /** Responds if the head is enough, else asks for the body. */
  begin(): void {
    const { method, headers, bodyLength } = this.#request;
    const { maxBodyBytes, hosts, origins, requestRate } = this.#endpoint.settings.current;
    const path = this.#path;
    const type = acceptedType(headers);
    const refused = refusedSource(this.#request, hosts, origins);
    this.#origin = allowedOrigin(this.#request, origins);
    if (refused !== null) {
      this.#refuse(refused.face.status, refused.text, undefined, refused);
    } else if (method === 'OPTIONS' && this.#origin !== null) {
      this.#respond(textResponse(200, 'OK', PREFLIGHT));
    } else if (bodyLength === 0 && !BODYLESS.includes(method) && fieldValue(headers, 'content-length') === undefined) {
      this.#refuse(ERRORS.HF_LENGTH_REQUIRED.status, ERRORS.HF_LENGTH_REQUIRED.text);
    } else if (bodyLength > maxBodyBytes) {
      this.#refuseTooLarge();
    } else if (type === null) {
      this.#refuse(406, 'Not Acceptable. Supported formats are text/plain and application/json.');
    } else if (path === '/') {
      this.#respond(textResponse(200, 'Pushpin API'));
    } else if (!this.#publishes && path !== '/recover') {
      this.#refuse(404, 'Not Found');
    } else if (!this.#endpoint.publishes) {
      this.#refuse(404, 'Not Found. This server has no proxy, so nothing can be published here.');
    } else if (method !== 'POST') {
      this.#refuse(405, `Method not allowed: ${method}.`, ['Content-Type', 'text/plain', 'Allow', 'POST']);
    } else if (this.#publishes && !this.#readKey(fieldValues(headers, 'idempotency-key'))) {
      this.#refuse(400, 'Idempotency-Key has an invalid value: expected one string of 1 to 1024 characters.');
    } else if (!this.#readQuery()) {
      // It has its response.
    } else if (this.#publishes && this.#endpoint.publisher.reach === 'none') {
      this.#refuseAway();
    } else if (requestRate > 0 && !this.#mayPublish(requestRate)) {
      // It has its response.
    } else {
      this.#representation = this.#publishes && wantsRepresentation(headers);
      this.#asJson = type === 'application/json';
      this.#body = new BodyCollector(maxBodyBytes);
      // One byte more than may come shows that a body of unknown length is too large.
      this.#ungranted = bodyLength === UNKNOWN_LENGTH ? maxBodyBytes + 1 : bodyLength;
      if (bodyLength === 0) this.#perform(this.#body.body);
      else this.#grant(WINDOW);
    }
  }

  onRequestData(chunk: Buffer, more: boolean): void {
    const body = this.#body;
    if (body === null) return;
    if (!body.add(chunk)) this.#refuseTooLarge();
    else if (!more) this.#perform(body.body);
    else this.#grant(chunk.length);
  }

  onRequestError(): void {
    this.#over = true;
    this.#body = null;
    this.#response?.drop();
    const items = this.#items;
    if (items === null || items.begun) return;
    this.#items = null;
    items.drop();
    this.#endpoint.publisher.cancelTurn(items);
    this.#settleKeys();
  }

  onResponseCredit(bytes: number): void {
    this.#response?.credit(bytes);
  }

  #grant(bytes: number): void {
    const granted = Math.min(bytes, this.#ungranted);
    this.#ungranted -= granted;
    if (granted > 0) this.#requester.onRequestCredit(granted);
  }

  // ---- its items (ItemsOwner)

  itemsRequest(): Buffer | object {
    const body = this.#waiting;
    this.#waiting = EMPTY;
    return this.#message === null ? body : messageItems(this.#message, body, this.#key);
  }

  reusedKey(items: readonly PublishItem[]): PublishItem | null {
    return this.#endpoint.publisher.reusedKey(items);
  }

  learnKeys(keys: ReadonlyMap<string, string>, publication: Publication): boolean {
    this.#keys = keys;
    return this.#endpoint.publisher.learnKeys(keys, publication);
  }

  refusal(items: readonly PublishItem[]): PublishError | null {
    return this.#endpoint.publisher.refusal(items);
  }

  publishItems(items: readonly PublishItem[]): void {
    const { publisher } = this.#endpoint;
    const shown = this.#representation ? this.#noteReceivers(items) : null;
    if (!this.#endpoint.unreachedNoted) this.#noteUnreached(items);
    publisher.publish(items);
    if (shown !== null) this.#noteCursors(items, shown);
  }

  ordered(done: (known: boolean) => void): void {
    this.#endpoint.publisher.ordered(done);
  }

  /** A publisher that has the response may publish next by way of another process. */
  onPublished(known: boolean): void {
    this.#published = true;
    if (!known) {
      this.#settleKeys(false);
      if (!this.#over) this.#refuseAway();
      return;
    }
    const isAlone = this.#endpoint.publisher.reach === 'node';
    if (!this.#over && !this.#representation) this.#confirm(isAlone ? PUBLISHED_HERE : 'Published');
    this.#onKnown();
  }

  onRefused(error: PublishError): void {
    this.#settleKeys();
    if (error instanceof ReusedKeyError) {
      errorCounts.note('HF_IDEMPOTENCY_KEY');
      this.#refuse(ERRORS.HF_IDEMPOTENCY_KEY.status, error.message);
      return;
    }
    if (error instanceof OversizedItemError) {
      errorCounts.note('HF_ITEM_TOO_LARGE');
      this.#refuse(ERRORS.HF_ITEM_TOO_LARGE.status, error.message);
      return;
    }
    this.#refuse(400, error.message);
  }

  onGivenUp(): void {
    this.#settleKeys();
    this.#refuseAway();
  }

  /** Pushpin accepts every format, so this endpoint does too. The log says once that some have no receiver. */
  #noteUnreached(items: readonly PublishItem[]): void {
    const item = items.find(
      ({ httpResponse, httpStream, wsMessage }) => httpResponse === null && httpStream === null && wsMessage === null,
    );
    if (item === undefined) return;
    this.#endpoint.unreachedNoted = true;
    const { id } = this.#request;
    const message = 'an item has none of http-response, http-stream and ws-message: nothing receives it';
    this.#endpoint.log.warn({ id, channel: item.channel }, message);
  }

  onFault(thrown: unknown): void {
    const error = reportFault(this.#endpoint, thrown, { id: this.#request.id });
    this.#settleKeys();
    if (this.#over) return;
    this.#over = true;
    this.#requester.onResponseError(error);
  }

  /** Does what the complete request asks for. Items are read when it is the publisher's turn, so that a busy hub keeps bytes only. */
  #perform(body: Buffer): void {
    this.#body = null;
    const { publisher } = this.#endpoint;
    if (this.#path === '/recover') {
      publisher.recover(this.#scope);
      this.#confirm('Updated');
      return;
    }
    this.#waiting = body;
    this.#items = new ItemsPublication(this, body.length, this.#key);
    publisher.requestTurn(this.#items);
  }

  #confirm(message: string): void {
    const response = this.#asJson
      ? textResponse(200, JSON.stringify({ message }), ['Content-Type', 'application/json'])
      : textResponse(200, message);
    this.#respond(response);
  }

  /** Reads what the request says of its message, or of the nodes that recover. Returns false if that is not valid, upon which it has its response. */
  #readQuery(): boolean {
    const { target, headers } = this.#request;
    try {
      if (this.#channel !== null) this.#message = messageRequest(this.#channel, target, headers);
      if (!this.#publishes) this.#scope = (validQuery(recoverQuery, target) as { readonly scope: Scope }).scope;
      return true;
    } catch (error) {
      if (!(error instanceof OperationError)) throw error;
      this.#refuse(error.status, error.message);
      return false;
    }
  }

  /** Reads the key of the request, if it has one. Returns false if that is not valid. */
  #readKey(values: readonly string[]): boolean {
    if (values.length === 0) return true;
    const [value = ''] = values;
    this.#key = values.length === 1 && value.length <= MAX_KEY_FIELD ? parseIdempotencyKey(value) : null;
    this.#keyField = this.#key === null ? null : value;
    return this.#key !== null && this.#key.length <= MAX_KEY_BYTES;
  }

  #refuseAway(): void {
    errorCounts.note('HF_BROKER_AWAY');
    const { status, text } = ERRORS.HF_BROKER_AWAY;
    this.#refuse(status, text, ['Content-Type', 'text/plain', 'Retry-After', '2']);
  }

  /** Takes one from the rate, or refuses the request. */
  #mayPublish(rate: number): boolean {
    const bucket = this.#endpoint.rate;
    if (bucket.take(rate, rate, performance.now())) return true;
    const seconds = Math.ceil(bucket.wait(rate) / 1_000);
    errorCounts.note('HF_CONTROL_RATE');
    const { status, text } = ERRORS.HF_CONTROL_RATE;
    this.#refuse(status, text, ['Content-Type', 'text/plain', 'Retry-After', String(seconds)]);
    return false;
  }

  #noteReceivers(items: readonly PublishItem[]): readonly ShownItem[] {
    const shown = items.map(({ channel, id }): ShownItem => {
      return { channel, id: id ?? undefined, receivers: 0, cursor: null };
    });
    for (const item of shown) this.#shown.push(item);
    this.#unknown++;
    this.#endpoint.publisher.countReceivers(items, (counts, missing = []) => {
      for (const name of missing) this.#missing.add(name);
      for (const [i, item] of shown.entries()) item.receivers = counts[i] ?? 0;
      this.#unknown--;
      this.#onKnown();
    });
    return shown;
  }

  #noteCursors(items: readonly PublishItem[], shown: readonly ShownItem[]): void {
    this.#unknown++;
    this.#endpoint.publisher.tellCursors(items, (cursors) => {
      for (const [i, item] of shown.entries()) item.cursor = cursors[i] ?? null;
      this.#unknown--;
      this.#onKnown();
    });
  }

  #onKnown(): void {
    if (!this.#published || this.#unknown > 0) return;
    this.#settleKeys();
    if (!this.#over) this.#represent();
  }

  /** @param known as `Publisher.settleKeys` */
  #settleKeys(known = true): void {
    const keys = this.#keys;
    this.#keys = null;
    if (keys !== null) this.#endpoint.publisher.settleKeys(keys, known);
  }

  /** RFC 7240 §4.2. It may be as long as the request was, so the client's credits count. */
  #represent(): void {
    const missing = this.#missing.size === 0 ? {} : { missing: [...this.#missing] };
    const body = Buffer.from(`${JSON.stringify({ message: 'Published', items: this.#shown, ...missing })}\n`);
    const headers = ['Content-Type', 'application/json', 'Preference-Applied', 'return=representation'];
    this.#over = true;
    this.#items = null;
    const response = new CreditedResponse(this.#requester, this.#request.credits);
    this.#response = response;
    const head = { status: 200, reason: '', headers: [...headers, ...this.#ownFields()], bodyLength: body.length };
    this.#requester.onResponse(head);
    response.give(body, true);
  }

  #ownFields(): readonly string[] {
    const key = this.#keyField === null ? [] : ['Idempotency-Key', this.#keyField];
    return this.#origin === null ? key : [...key, 'Access-Control-Allow-Origin', this.#origin, 'Vary', 'Origin'];
  }

  #respond({ head, body }: ReturnType<typeof textResponse>): void {
    const response = { head: { ...head, headers: [...head.headers, ...this.#ownFields()] }, body };
    this.#over = true;
    this.#items = null;
    respond(this.#requester, response);
  }

  #refuseTooLarge(): void {
    errorCounts.note('HF_BODY_TOO_LARGE');
    this.#refuse(ERRORS.HF_BODY_TOO_LARGE.status, ERRORS.HF_BODY_TOO_LARGE.text);
  }

  #refuse(status: number, text: string, headers?: readonly string[], error?: ExchangeError): void {
    this.#body = null;
    const { counters, log } = this.#endpoint;
    const { id, method, target, peer } = this.#request;
    const publishes = method === 'POST' && this.#publishes;
    if (publishes) counters.publishesRefused++;
    else counters.requestsRefused++;
    const message = publishes ? 'publish refused' : 'control request refused';
    const why = error === undefined ? {} : { code: error.code, detail: error.detail };
    log.info({ id, peer: peer.address, method, target: shownTarget(target), status, reason: text, ...why }, message);
    this.#respond(textResponse(status, text, headers));
  }
}

/** Whether Prefer asks for the result (RFC 7240 §4.2). */
function wantsRepresentation(headers: HeaderList): boolean {
  const preferences = listMembers(fieldValues(headers, 'prefer'));
  return preferences.some((preference) => /^return\s*=\s*"?representation"?\s*(?:;|$)/i.test(preference));
}

/** The path without query and without one slash at its end. */
function barePath(target: string): string {
  const path = pathOf(target);
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}
