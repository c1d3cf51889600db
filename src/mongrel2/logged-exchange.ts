import {
  type ExchangeError,
  ExchangeRelay,
  type OriginCounters,
  type Requester,
  type ResponseHead,
} from '../exchange/index.ts';
import { type AccessLog, accessLine, type LoggedRequest } from './access-log.ts';
import { fixedResponse } from './fixed-response.ts';

/** An exchange whose response is not a handler's: its line of the access log has the status and the bytes of the body that were sent. */
export class LoggedExchange extends ExchangeRelay {
  readonly #log: AccessLog;
  readonly #request: LoggedRequest;
  #status = 0;
  #bytes = 0;

  constructor(requester: Requester, counters: OriginCounters, log: AccessLog, request: LoggedRequest) {
    super(requester, counters);
    this.#log = log;
    this.#request = request;
  }

  override onResponse(head: ResponseHead): void {
    this.#status = head.status;
    const { record = null, givenAt = 0 } = this.#request;
    // Files have no target that takes time.
    if (record !== null && record.origin !== '') record.originTime = performance.now() - givenAt;
    super.onResponse(head);
  }

  override onResponseData(chunk: Buffer, more: boolean): void {
    this.#bytes += chunk.length;
    super.onResponseData(chunk, more);
  }

  /** What goes to the client's connection may be lent to it: otherwise files would cost twice as much. */
  onResponseLoan(chunk: Buffer, more: boolean): boolean {
    const { requester } = this;
    if (!more || this.over || requester.onResponseLoan === undefined) {
      this.onResponseData(chunk, more);
      return false;
    }
    this.#bytes += chunk.length;
    return requester.onResponseLoan(chunk, true);
  }

  override onResponseError(error: ExchangeError): void {
    // That is what the server says then.
    if (this.#status === 0) {
      const { head, body } = fixedResponse(error);
      this.#status = head.status;
      this.#bytes = body.length;
    }
    super.onResponseError(error);
  }

  protected override onOver(): void {
    this.#log.write(accessLine(this.#request, this.#status, this.#bytes));
  }
}
