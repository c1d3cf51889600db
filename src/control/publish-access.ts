import { timingSafeEqual } from 'node:crypto';
import { fault, type Guarded } from '../clock/index.ts';
import { fieldValues } from '../codec/fields/index.ts';
import {
  type ControlCounters,
  type Current,
  ERRORS,
  type Log,
  NO_RESPONDER,
  type Requester,
  type RequestHead,
  type Responder,
  reportFault,
  respond,
  type Service,
  textResponse,
} from '../exchange/index.ts';

/** Who may use the control port. */
export interface AccessRules {
  /** Verifies bearer tokens; null where none is accepted. */
  readonly verifyToken: ((token: string) => Promise<boolean>) | null;
  /** `NAME:PASSWORD` of Basic authentication, in bytes. */
  readonly basic: readonly Buffer[];
}

/** What access is decided with. */
export interface AccessOptions {
  readonly rules: Current<AccessRules>;
  readonly counters: ControlCounters;
  readonly log: Log;
}

/** Lets `service` have only the requests with credentials (RFC 9110 §11), if any are configured. The path `/`, which probes use, and OPTIONS,
 * which browsers send before a request with credentials, are free. */
export function authorized(service: Service, options: AccessOptions): Service {
  return (request, requester) => {
    const { verifyToken, basic } = options.rules.current;
    if ((verifyToken === null && basic.length === 0) || request.target === '/' || request.method === 'OPTIONS') {
      return service(request, requester);
    }
    const [authorization, ...more] = fieldValues(request.headers, 'authorization');
    const [, scheme = '', credentials = ''] = /^([a-z]+) +([^ ]+)$/i.exec(authorization ?? '') ?? [];
    if (more.length === 0 && scheme.toLowerCase() === 'basic' && isKnown(credentials, basic)) {
      return service(request, requester);
    }
    if (more.length > 0 || scheme.toLowerCase() !== 'bearer' || verifyToken === null) {
      refuse(options, request, requester);
      return NO_RESPONDER;
    }
    return new AwaitedToken(service, options, request, requester, verifyToken(credentials));
  };
}

/** Compared in a time that does not depend on where they differ. */
function isKnown(credentials: string, known: readonly Buffer[]): boolean {
  const given = Buffer.from(credentials, 'base64');
  let found = false;
  for (const each of known) {
    const same = given.length === each.length && timingSafeEqual(given, each);
    found ||= same;
  }
  return found;
}

function refuse({ rules, counters, log }: AccessOptions, request: RequestHead, requester: Requester): void {
  const { verifyToken, basic } = rules.current;
  const { id, method, target, peer } = request;
  counters.publishesRefused++;
  log.info({ id, peer: peer.address, method, target, code: 'HF_CONTROL_CREDENTIALS' }, 'control request refused');
  const { status, text } = ERRORS.HF_CONTROL_CREDENTIALS;
  const headers = ['Content-Type', 'text/plain'];
  if (verifyToken !== null) headers.push('WWW-Authenticate', 'Bearer');
  if (basic.length > 0) headers.push('WWW-Authenticate', 'Basic realm="holdfast", charset="UTF-8"');
  respond(requester, textResponse(status, text, headers));
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
    verified: Promise<boolean>,
  ) {
    this.#options = options;
    this.#request = request;
    this.#requester = requester;
    verified.then(
      (valid) => {
        try {
          this.#goOn(service, valid);
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

  #goOn(service: Service, valid: boolean): void {
    if (this.#gone) return;
    if (!valid) {
      refuse(this.#options, this.#request, this.#requester);
      return;
    }
    const responder = service(this.#request, this.#requester);
    this.#requester.handOver(responder);
    for (const { chunk, more } of this.#early) responder.onRequestData(chunk, more);
  }
}
