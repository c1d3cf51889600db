import { ExchangeError, NO_RESPONDER, type Requester, type Responder, type ResponseHead } from '../exchange/index.ts';
import type { ProxyTarget } from './proxy-target.ts';

/**
 * Bytes of the response body that one check lets a target send. Each target has one check at most.
 * @bound target-check-body
 */
const CHECK_BODY_BYTES = 65_536;

/** One request that finds out whether a target is in order. The head of the response tells; of the body no more than `CHECK_BODY_BYTES` are read. */
export class TargetCheck implements Requester {
  readonly #target: ProxyTarget;
  readonly #path: string;
  readonly #onResult: (failure: string | null) => void;
  #responder: Responder = NO_RESPONDER;
  #told = false;
  #over = false;

  /** @param onResult gets what is wrong with the target, or null, once */
  constructor(target: ProxyTarget, path: string, onResult: (failure: string | null) => void) {
    this.#target = target;
    this.#path = path;
    this.#onResult = onResult;
  }

  start(): void {
    const { name, host, service } = this.#target;
    const authority = host || name;
    const responder = service(
      {
        id: `check-${name}`,
        method: 'GET',
        target: this.#path,
        scheme: 'http',
        authority,
        version: '1.1',
        headers: ['Host', authority, 'User-Agent', 'holdfast-check'],
        bodyLength: 0,
        peer: { address: '', port: 0 },
        credits: CHECK_BODY_BYTES,
      },
      this,
    );
    if (!this.#over && this.#responder === NO_RESPONDER) this.#responder = responder;
  }

  /** Ends it. @param late whether a target that has not responded has failed */
  end(late: boolean): void {
    if (this.#over) return;
    this.#over = true;
    this.#responder.onRequestError(new ExchangeError('HF_CLIENT_GONE', 'the check is over'));
    if (late) this.#tell('it does not respond in time');
  }

  onResponse({ status }: ResponseHead): void {
    this.#tell(status >= 200 && status < 400 ? null : `its response has the status ${status}`);
  }

  onResponseData(_chunk: Buffer, more: boolean): void {
    if (!more) this.#over = true;
  }

  onResponsePayload(): void {
    this.#over = true;
  }

  onResponseError({ code, detail }: ExchangeError): void {
    this.#over = true;
    this.#tell(`${code} ${detail}`);
  }

  onRequestCredit(): void {}

  pauseRequest(): void {}

  handOver(responder: Responder): void {
    this.#responder = responder;
  }

  #tell(failure: string | null): void {
    if (this.#told) return;
    this.#told = true;
    this.#onResult(failure);
  }
}
