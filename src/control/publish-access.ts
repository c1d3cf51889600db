import { fault, type Guarded } from '../clock/index.ts';
import { pathOf } from '../codec/http1/index.ts';
import {
  type ControlCounters,
  ERRORS,
  errorCounts,
  type Log,
  NO_RESPONDER,
  type Requester,
  type RequestHead,
  type Responder,
  reportFault,
  respond,
  type Service,
  shownTarget,
  textResponse,
} from '../exchange/index.ts';
import type { Caller } from './caller.ts';
import type { Gatekeeper } from './gatekeeper.ts';

/** What access is decided with. */
export interface AccessOptions {
  readonly gate: Gatekeeper;
  readonly counters: ControlCounters;
  readonly log: Log;
}

/**
 * Lets `service` have only the requests with credentials (RFC 9110 §11), if any are configured. The path `/`, which probes use, and OPTIONS,
 * which browsers send before a request with credentials, are free.
 */
export function authorized(service: Service, options: AccessOptions): Service {
  const { gate } = options;
  return (request, requester) => {
    if (gate.isFree('publish') || request.target === '/' || request.method === 'OPTIONS') {
      return service(request, requester);
    }
    const caller = gate.callerOf(request);
    if (caller instanceof Promise) return new AwaitedToken(service, options, request, requester, caller);
    if (!admits(options, request, requester, caller)) return NO_RESPONDER;
    return service(request, requester);
  };
}

/** Whether a caller may go on; it is refused if not. */
function admits(
  { gate, counters, log }: AccessOptions,
  request: RequestHead,
  requester: Requester,
  caller: Caller | null,
): boolean {
  const code = gate.refusal(pathOf(request.target) === '/metrics' ? 'counters' : 'publish', caller);
  if (code === null) return true;
  const { id, method, target, peer } = request;
  counters.publishesRefused++;
  errorCounts.note(code);
  log.info({ id, peer: peer.address, method, target: shownTarget(target), code }, 'control request refused');
  const { status, text } = ERRORS[code];
  const fields = ['Content-Type', 'text/plain'];
  if (code === 'HF_CONTROL_CREDENTIALS') fields.push(...gate.challenges(request));
  else if (code === 'HF_LOGIN_RATE') fields.push('Retry-After', '5');
  respond(requester, textResponse(status, text, fields));
  return false;
}

/** A request while its token is verified. Nothing of its body is read meanwhile. */
class AwaitedToken implements Responder, Guarded {
  readonly #options: AccessOptions;
  readonly #request: RequestHead;
  readonly #requester: Requester;
  #gone = false;
  /** What came before the service has returned its responder: nothing but an end without credit, or what the service asked for at once. */
  readonly #early: { readonly chunk: Buffer; readonly more: boolean }[] = [];

  constructor(
    service: Service,
    options: AccessOptions,
    request: RequestHead,
    requester: Requester,
    caller: Promise<Caller | null>,
  ) {
    this.#options = options;
    this.#request = request;
    this.#requester = requester;
    caller.then(
      (known) => {
        try {
          this.#goOn(service, known);
        } catch (thrown) {
          fault(this, thrown);
        }
      },
      (thrown: unknown) => fault(this, thrown),
    );
  }

  onRequestData(chunk: Buffer, more: boolean): void {
    this.#early.push({ chunk, more });
  }

  onRequestError(): void {
    this.#gone = true;
  }

  onResponseCredit(): void {}

  onFault(thrown: unknown): void {
    const error = reportFault(this.#options, thrown, { id: this.#request.id });
    if (!this.#gone) this.#requester.onResponseError(error);
  }

  #goOn(service: Service, caller: Caller | null): void {
    if (this.#gone || !admits(this.#options, this.#request, this.#requester, caller)) return;
    const responder = service(this.#request, this.#requester);
    this.#requester.handOver(responder);
    for (const { chunk, more } of this.#early) responder.onRequestData(chunk, more);
  }
}
