import { type AtTurnEnd, attempt, guarded } from '../clock/index.ts';
import { contentCodings, fieldValue, fieldValues, listMembers } from '../codec/fields/index.ts';
import { isInstructBody } from '../codec/grip/index.ts';
import {
  ExchangeError,
  type HeaderList,
  NO_RESPONDER,
  type Payload,
  type RequestHead,
  type Responder,
  type ResponseHead,
  reportFault,
  WINDOW,
} from '../exchange/index.ts';
import type { ProxiedRequest } from './proxied-request.ts';
import type { ProxyRoom } from './proxy-room.ts';
import type { ProxyTarget, TargetRequester } from './proxy-target.ts';
import { type JoinableRequest, RequestSharer } from './request-sharer.ts';
import type { TargetList } from './target-list.ts';

/**
 * Bytes of a response that is shared (Pushpin's own figure). A larger one goes to the first client, and the others ask for themselves.
 * @bound shared-response
 */
export const MAX_SHARED_BODY = 100_000;

/** Milliseconds after the head of a shared response until those that still wait for its end ask for themselves. */
const LONGEST_RESPONSE = 1_000;

/** Clients that get a shared response, or ask for themselves, in one turn of the event loop. */
const SLICE = 64;

/**
 * A request that equal ones share while it has no response (`share_all`). The first client gets the response as it comes. The others get it when
 * it is whole, so that a slow client holds nobody back. Those for whom the response may not be, or that would have to wait too long for
 * its end, make a request of their own then.
 */
class SharedRequest implements TargetRequester, JoinableRequest, AtTurnEnd {
  readonly #room: ProxyRoom;
  readonly targets: TargetList;
  readonly #key: string;
  /** The clients, oldest first, but for the one that gets the response as it comes. */
  readonly #waiting = new Set<RequestSharer>();
  #first: RequestSharer | null;
  /** The fields of the client whose request was sent. The response is one to it, whoever is the first by then. */
  readonly #sentFields: HeaderList;
  #origin: Responder = NO_RESPONDER;
  #target: ProxyTarget | null = null;
  #head: ResponseHead | null = null;
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** Bytes of the body that have come, and that the origin may send, in all. */
  #received = 0;
  #granted: number;
  #over = false;
  #timer: NodeJS.Timeout | null = null;
  /** Why it ended before the origin's responder was known. */
  #endedWith: ExchangeError | null = null;
  /** What those that wait get, once it is known. */
  #outcome: ((sharer: RequestSharer) => void) | null = null;
  /** Those that make a request of their own. */
  readonly #unshared: RequestSharer[] = [];

  constructor(room: ProxyRoom, targets: TargetList, key: string, first: RequestSharer) {
    this.#room = room;
    this.targets = targets;
    this.#key = key;
    this.#first = first;
    this.#sentFields = first.headers;
    first.share(this);
    this.#granted = first.request.credits;
  }

  start(first: RequestSharer): void {
    this.#room.sharedRequests.set(this.#key, this);
    const origin = this.targets.send(first.request, this);
    if (this.#origin === NO_RESPONDER) this.handOver(origin);
    if (this.#endedWith !== null) origin.onRequestError(this.#endedWith);
  }

  join(sharer: RequestSharer): void {
    sharer.share(this);
    this.#waiting.add(sharer);
    this.#room.counters.requestsShared++;
  }

  leave(sharer: RequestSharer, error: ExchangeError): void {
    if (sharer === this.#first) this.#first = null;
    this.#waiting.delete(sharer);
    if (this.#first !== null || this.#waiting.size > 0 || this.#over) return;
    this.#end();
    this.#endOrigin(error);
  }

  credit(): void {
    this.#grant();
  }

  onTarget(target: ProxyTarget, failure: ExchangeError | null): void {
    this.#target = target;
    this.#first?.requester.onTarget(target, failure);
  }

  onResponse(head: ResponseHead): void {
    if (this.#over) return;
    this.#head = head;
    this.#close();
    const isForAll = mayBeShared(head);
    const names = isForAll ? varyingFields(head) : [];
    for (const sharer of this.#waiting) {
      if (!isForAll || !names.every((name) => isEqual(name.toLowerCase(), this.#sentFields, sharer.headers))) {
        this.#unshare(sharer);
      }
    }
    if (this.#first === null) this.#advance();
    if (this.#first === null) {
      this.#endUnneeded();
      return;
    }
    this.#first.begin(head);
    if (this.#waiting.size === 0 || this.#over) return;
    this.#timer = setTimeout(
      guarded(this, () => this.#unshareAll()),
      LONGEST_RESPONSE,
    );
    this.#timer.unref();
  }

  onResponseData(chunk: Buffer, more: boolean): void {
    if (this.#over) return;
    this.#received += chunk.length;
    if (this.#waiting.size > 0) this.#collect(chunk);
    this.#first?.give(chunk, !more);
    if (more) this.#grant();
    else this.#complete();
  }

  onResponsePayload(payload: Payload): void {
    this.onResponseData(payload.body, true);
  }

  onResponseError(error: ExchangeError): void {
    if (this.#over) return;
    this.#close();
    this.#first?.fail(error);
    this.#first = null;
    this.#finish((sharer) => {
      this.#tellTarget(sharer);
      sharer.fail(error);
    });
  }

  /** It has no body. */
  onRequestCredit(): void {}

  pauseRequest(): void {}

  handOver(responder: Responder): void {
    this.#origin = responder;
    this.#grant();
  }

  onTurnEnd(): void {
    let left = SLICE;
    for (let sharer = this.#unshared.pop(); sharer !== undefined; sharer = this.#unshared.pop()) {
      attempt(sharer, ask, this.targets);
      if (--left === 0) break;
    }
    const outcome = this.#outcome;
    if (outcome !== null) {
      for (const sharer of this.#waiting) {
        if (left-- === 0) break;
        this.#waiting.delete(sharer);
        attempt(sharer, outcome);
      }
    }
    if (this.#unshared.length > 0 || (outcome !== null && this.#waiting.size > 0)) this.#room.turns.add(this);
    else if (outcome !== null) this.#end();
  }

  onFault(thrown: unknown): void {
    const error = reportFault(this.#room, thrown);
    this.#endOrigin(new ExchangeError('HF_CLIENT_GONE', 'a defect of the proxy'));
    this.onResponseError(error);
  }

  #endOrigin(error: ExchangeError): void {
    if (this.#origin === NO_RESPONDER) this.#endedWith = error;
    else this.#origin.onRequestError(error);
  }

  /** The first client has left: the next one gets the response as it comes. */
  #advance(): void {
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#waiting.delete(next);
    this.#first = next;
    this.#tellTarget(next);
  }

  #collect(chunk: Buffer): void {
    const { gripBytes } = this.#room;
    const length = Math.max(this.#bytes + chunk.length, this.#head?.bodyLength ?? 0);
    if (length > MAX_SHARED_BODY || gripBytes.full) {
      this.#unshareAll();
      return;
    }
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    gripBytes.used += chunk.length;
  }

  #complete(): void {
    const head = this.#head as ResponseHead;
    const body = Buffer.concat(this.#chunks);
    this.#first = null;
    this.#finish((sharer) => {
      this.#tellTarget(sharer);
      sharer.begin(head);
      sharer.give(body, true);
    });
  }

  #tellTarget({ requester }: RequestSharer): void {
    if (this.#target !== null) requester.onTarget(this.#target, null);
  }

  #finish(outcome: (sharer: RequestSharer) => void): void {
    this.#over = true;
    this.#outcome = outcome;
    this.#stopTimer();
    this.onTurnEnd();
  }

  /** All that wait make a request of their own. */
  #unshareAll(): void {
    for (const sharer of this.#waiting) this.#unshare(sharer);
    this.#release();
    this.#stopTimer();
    // The first client may have left, and nobody wants the rest.
    if (this.#first === null && !this.#over) this.#endUnneeded();
  }

  #endUnneeded(): void {
    this.#over = true;
    this.#endOrigin(new ExchangeError('HF_CLIENT_GONE', 'the response is not needed'));
  }

  #unshare(sharer: RequestSharer): void {
    this.#waiting.delete(sharer);
    if (this.#unshared.push(sharer) === 1) this.#room.turns.add(this);
  }

  /** Grants the origin what the first client takes, and at least what is collected for the others. */
  #grant(): void {
    if (this.#origin === NO_RESPONDER || this.#over) return;
    const shared = this.#waiting.size > 0 && this.#head !== null ? this.#received + WINDOW : 0;
    const granted = Math.max(this.#granted, this.#first?.total ?? 0, shared);
    const bytes = granted - this.#granted;
    this.#granted = granted;
    if (bytes > 0) this.#origin.onResponseCredit(bytes);
  }

  /** Nobody joins any more. */
  #close(): void {
    const { sharedRequests } = this.#room;
    if (sharedRequests.get(this.#key) === this) sharedRequests.delete(this.#key);
  }

  #end(): void {
    this.#over = true;
    this.#close();
    this.#stopTimer();
    this.#release();
  }

  #release(): void {
    this.#room.gripBytes.used -= this.#bytes;
    this.#bytes = 0;
    this.#chunks = [];
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

/** Fields whose values make two requests different, besides those that `Vary` names: credentials, and what asks for a part or a condition. */
const IDENTITY: readonly string[] = [
  ...['authorization', 'cookie', 'proxy-authorization', 'range', 'if-range', 'if-match', 'if-none-match'],
  ...['if-modified-since', 'if-unmodified-since'],
];

/** Fields that say how a request came, which the proxy writes. They differ even where the fields of the clients are equal. */
const WRITTEN: ReadonlySet<string> = new Set(
  'x-forwarded-for x-forwarded-proto x-forwarded-protocol forwarded via'.split(' '),
);

/** Whether a request may share the response of another one: it has to be safe (RFC 9110 §9.2.1) and complete. */
export function isShareable({ request, trusted, permit, settings, route }: ProxiedRequest): boolean {
  // A stream that can be resumed is that of one client.
  if (route.resume !== null) return false;
  // A token makes the response that of one user, even if the origin does not get to see it.
  if (!settings.shareAll || trusted || permit !== null || request.bodyLength !== 0) return false;
  return request.method === 'GET' || request.method === 'HEAD';
}

/**
 * Sends a request, or lets it share the response of an equal one that is under way: with the same method, URI, route and credentials.
 * @param outgoing the request as it would go to the origin
 */
export function sendShared(
  room: ProxyRoom,
  { request, route }: ProxiedRequest,
  outgoing: RequestHead,
  requester: TargetRequester,
): Responder {
  const key = keyOf(request);
  const sharer = new RequestSharer(room, outgoing, request.headers, requester);
  const found = room.sharedRequests.get(key);
  if (found?.targets === route.targets) {
    found.join(sharer);
    return sharer;
  }
  new SharedRequest(room, route.targets, key, sharer).start(sharer);
  return sharer;
}

function keyOf({ method, scheme, authority, target, headers }: RequestHead): string {
  // No field value has a line end.
  let key = `${method} ${scheme}://${authority}${target}`;
  for (const name of IDENTITY) {
    for (const value of fieldValues(headers, name)) key += `\n${name}: ${value}`;
  }
  return key;
}

/** Whether a response may go to other clients than the one whose request it is for. */
function mayBeShared({ headers }: ResponseHead): boolean {
  // The fields that decide are in the body, and not known yet.
  if (isInstructBody(headers)) return false;
  // RFC 9111 §5.2.2.7: for a single user. A cookie is too.
  if (fieldValue(headers, 'set-cookie') !== undefined) return false;
  const directives = listMembers(fieldValues(headers, 'cache-control'));
  if (directives.some((directive) => /^private\s*(?:=|$)/i.test(directive))) return false;
  // RFC 9110 §12.5.5: with `*` it depends on more than the fields of the request.
  return !listMembers(fieldValues(headers, 'vary')).some((name) => name === '*' || WRITTEN.has(name.toLowerCase()));
}

/**
 * The fields of the request that a response depends on. Some origins do not say so of Accept-Encoding, as RFC 9110 §12.5.5 asks (nginx, unless
 * `gzip_vary` is on): a client that has not asked for the coding could not read the response.
 */
function varyingFields({ headers }: ResponseHead): string[] {
  const names = listMembers(fieldValues(headers, 'vary'));
  return contentCodings(headers).length === 0 ? names : [...names, 'Accept-Encoding'];
}

function isEqual(name: string, one: HeaderList, other: HeaderList): boolean {
  const values = fieldValues(one, name);
  const others = fieldValues(other, name);
  return values.length === others.length && values.every((value, i) => value === others[i]);
}

function ask(sharer: RequestSharer, targets: TargetList): void {
  sharer.ask(targets);
}
