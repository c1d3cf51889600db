import { DEFAULT_FETCH_OPTIONS, type Fetcher } from '../client/index.ts';
import {
  BodyCollector,
  CreditedRequest,
  type ExchangeError,
  type HeaderList,
  NO_RESPONDER,
  type Payload,
  type Requester,
  type Responder,
  type ResponseHead,
  WINDOW,
} from '../exchange/index.ts';

/** A request whose response is wanted whole. */
export interface WholeRequest {
  /** Names it in the log. */
  readonly id: string;
  readonly method: string;
  readonly uri: string;
  readonly headers: HeaderList;
  /** Null for none. */
  readonly body: Buffer | null;
  /** Milliseconds until the response is complete. */
  readonly timeout: number;
  /** Bytes of the body of the response. */
  readonly maxBytes: number;
}

/** The response to it. */
export interface WholeResponse {
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: Buffer;
}

/** Makes a request that the program itself has to make. Rejects with the code and what went wrong if there is no response, or not the whole of it. */
export function fetchWhole(fetcher: Fetcher, request: WholeRequest): Promise<WholeResponse> {
  return new Promise((resolve, reject) => {
    const { id, method, uri, headers, body, timeout, maxBytes } = request;
    const document = new WholeDocument(body, maxBytes, resolve, reject);
    const options = { ...DEFAULT_FETCH_OPTIONS, timeout, maxSize: maxBytes, decompress: true };
    const bodyLength = body?.length ?? 0;
    document.attach(fetcher.fetch({ id, method, uri, headers, bodyLength, credits: WINDOW, options }, document));
  });
}

/** Its requester. */
class WholeDocument implements Requester {
  readonly #resolve: (response: WholeResponse) => void;
  readonly #reject: (error: Error) => void;
  readonly #body: BodyCollector;
  /** Null where the request has no body. */
  readonly #sent: CreditedRequest | null;
  #responder: Responder = NO_RESPONDER;
  #head: ResponseHead | null = null;
  #owed = 0;

  constructor(
    sent: Buffer | null,
    maxBytes: number,
    resolve: (response: WholeResponse) => void,
    reject: (error: Error) => void,
  ) {
    this.#resolve = resolve;
    this.#reject = reject;
    this.#body = new BodyCollector(maxBytes);
    this.#sent = sent === null || sent.length === 0 ? null : new CreditedRequest();
    this.#sent?.give(sent as Buffer);
    this.#sent?.end();
  }

  /** Sets the responder, which may have responded already. */
  attach(responder: Responder): void {
    if (this.#responder === NO_RESPONDER) this.handOver(responder);
  }

  onResponse(head: ResponseHead): void {
    this.#head = head;
  }

  onResponseData(chunk: Buffer, more: boolean): void {
    this.#body.add(chunk);
    if (more) {
      this.#grant(chunk.length);
      return;
    }
    this.#sent?.drop();
    const { status, headers } = this.#head as ResponseHead;
    this.#resolve({ status, headers, body: this.#body.body });
  }

  onResponsePayload(payload: Payload): void {
    this.onResponseData(payload.body, true);
  }

  onResponseError({ code, detail }: ExchangeError): void {
    this.#sent?.drop();
    this.#reject(new Error(`${code} ${detail}`));
  }

  onRequestCredit(bytes: number): void {
    this.#sent?.credit(bytes);
  }

  pauseRequest(paused: boolean): void {
    if (paused) this.#sent?.hold();
    else this.#sent?.release();
  }

  handOver(responder: Responder): void {
    this.#responder = responder;
    this.#sent?.attach(responder);
    this.#grant(0);
  }

  #grant(bytes: number): void {
    this.#owed += bytes;
    if (this.#responder === NO_RESPONDER || this.#owed === 0) return;
    const owed = this.#owed;
    this.#owed = 0;
    this.#responder.onResponseCredit(owed);
  }
}
