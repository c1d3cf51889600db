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
  return (request, requester) => {
    const body = Buffer.from(text());
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
