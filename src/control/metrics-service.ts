import { type AtTurnEnd, TurnQueue } from '../clock/index.ts';
import { CreditedResponse, NO_RESPONDER, type Responder, type Service } from '../exchange/index.ts';

/** The text format of Prometheus. */
const HEADERS: readonly string[] = [
  'Content-Type',
  'text/plain; version=0.0.4; charset=utf-8',
  'Cache-Control',
  'no-store',
];

/** Responds to every request with the metrics, whatever its path and method. */
export function metricsService(text: () => string): Service {
  const metrics = new SharedText(text);
  return (request, requester) => {
    const body = metrics.bytes;
    const response = new CreditedResponse(requester, request.credits);
    requester.onResponse({ status: 200, reason: '', headers: [...HEADERS], bodyLength: body.length });
    if (response.done) return NO_RESPONDER;
    response.give(body, true);
    return new MetricsResponder(response);
  };
}

/** Passes the metrics on as the client takes them. A request body is of no interest. */
class MetricsResponder implements Responder {
  readonly #response: CreditedResponse;

  constructor(response: CreditedResponse) {
    this.#response = response;
  }

  onRequestData(): void {}

  onRequestError(): void {
    this.#response.drop();
  }

  onResponseCredit(bytes: number): void {
    this.#response.credit(bytes);
  }
}

/** A text that is made once for all who ask for it in one turn of the event loop: that of many routes takes a while, and a lot of memory. */
class SharedText implements AtTurnEnd {
  readonly #make: () => string;
  readonly #turn = new TurnQueue();
  #bytes: Buffer | null = null;

  constructor(make: () => string) {
    this.#make = make;
  }

  get bytes(): Buffer {
    if (this.#bytes === null) {
      this.#bytes = Buffer.from(this.#make());
      this.#turn.add(this);
    }
    return this.#bytes;
  }

  onTurnEnd(): void {
    this.#bytes = null;
  }

  onFault(): void {}
}
