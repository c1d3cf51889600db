import type { Guarded } from '../clock/index.ts';
import {
  CreditedResponse,
  clientNames,
  type ExchangeError,
  type FaultReport,
  type HeaderList,
  NO_RESPONDER,
  type RequestHead,
  type Responder,
  type ResponseHead,
  reportFault,
} from '../exchange/index.ts';
import type { TargetRequester } from './proxy-target.ts';
import type { TargetList } from './target-list.ts';

/** A request that equal ones can share. */
export interface JoinableRequest {
  /** Where it goes: the targets of one route. */
  readonly targets: TargetList;
  /** May be called until there is a response. */
  join(sharer: RequestSharer): void;
  /** A client has left. Harmless when it has its response, or makes a request of its own. */
  leave(sharer: RequestSharer, error: ExchangeError): void;
  /** A client takes more. */
  credit(): void;
}

/** One client of a shared request: passes it the response, as its credits allow. */
export class RequestSharer implements Responder, Guarded {
  /** The request as it would go to the origin. */
  readonly request: RequestHead;
  /** The fields that the client sent. */
  readonly headers: HeaderList;
  readonly requester: TargetRequester;
  /** Bytes of response body that the client has granted in all. */
  total: number;
  readonly #room: FaultReport;
  /** The request that it shares. */
  #shared: JoinableRequest | null = null;
  #response: CreditedResponse | null = null;
  /** The responder of its own request. */
  #own: Responder | null = null;
  #over = false;
  /** Why the client left, while `#own` was not known. */
  #leftWith: ExchangeError | null = null;

  constructor(room: FaultReport, request: RequestHead, headers: HeaderList, requester: TargetRequester) {
    this.#room = room;
    this.request = request;
    this.headers = headers;
    this.requester = requester;
    this.total = request.credits;
  }

  /** It is a client of `shared` from now on. */
  share(shared: JoinableRequest): void {
    this.#shared = shared;
  }

  begin(head: ResponseHead): void {
    if (this.#over) return;
    // Within the call the client may grant more.
    this.#response = new CreditedResponse(this.requester, this.total);
    this.requester.onResponse(head);
  }

  give(chunk: Buffer, last: boolean): void {
    if (!this.#over) this.#response?.give(chunk, last);
  }

  fail(error: ExchangeError): void {
    if (this.#over) return;
    this.#over = true;
    this.#response?.drop();
    this.requester.onResponseError(error);
  }

  /** Makes a request of its own. */
  ask(targets: TargetList): void {
    if (this.#over) return;
    const granted = this.total;
    this.#own = NO_RESPONDER;
    const own = targets.send({ ...this.request, credits: granted }, this.requester);
    this.#own = own;
    if (this.#leftWith !== null) own.onRequestError(this.#leftWith);
    if (this.#over) return;
    // What the client granted within the call.
    if (this.total > granted) own.onResponseCredit(this.total - granted);
    this.requester.handOver(own);
  }

  // ---- from the client (Responder)

  /** It has no body. */
  onRequestData(): void {}

  onRequestError(error: ExchangeError): void {
    this.#over = true;
    this.#response?.drop();
    this.#leftWith = error;
    if (this.#own === null) this.#shared?.leave(this, error);
    else this.#own.onRequestError(error);
  }

  onResponseCredit(bytes: number): void {
    this.total += bytes;
    if (this.#own !== null) this.#own.onResponseCredit(bytes);
    else {
      this.#response?.credit(bytes);
      this.#shared?.credit();
    }
  }

  onFault(thrown: unknown): void {
    this.fail(reportFault(this.#room, thrown, { ...clientNames(this.request) }));
  }
}
