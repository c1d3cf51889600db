import { fault, type Guarded } from '../clock/index.ts';
import { fieldValue } from '../codec/fields/index.ts';
import { pathOf } from '../codec/http1/index.ts';
import {
  BodyCollector,
  type ControlCounters,
  CreditedResponse,
  type HeaderList,
  type Log,
  type Requester,
  type RequestHead,
  type Responder,
  reportFault,
  UNKNOWN_LENGTH,
  WINDOW,
} from '../exchange/index.ts';
import { type Caller, NOBODY } from './caller.ts';
import { EventStream } from './event-stream.ts';
import type { EventStreams } from './event-streams.ts';
import type { Gatekeeper } from './gatekeeper.ts';
import type { Answer, Method, Operation } from './operation.ts';
import { OperationError } from './operation-error.ts';
import type { Place } from './operation-table.ts';
import { refusedSource } from './refused-source.ts';
import { validBody, validQuery } from './valid-input.ts';

/**
 * Bytes that the body of an operation may have.
 * @bound control-operation-body
 */
const MAX_BODY = 262_144;

/** What all operations share. */
export interface OperationHost {
  readonly counters: ControlCounters;
  readonly log: Log;
  readonly gate: Gatekeeper;
  readonly streams: EventStreams;
  /** Names, in lower case, under which the control port may be addressed. */
  readonly hosts: () => readonly string[];
}

/** One request for an operation: who asks is found out first, then the body is read, then the operation does its work. */
export class OperationExchange implements Responder, Guarded {
  readonly #host: OperationHost;
  readonly #request: RequestHead;
  readonly #requester: Requester;
  readonly #place: Place;
  #caller: Caller | null = null;
  /** The operation, once its caller may use it. */
  #operation: Operation | null = null;
  readonly #body = new BodyCollector(MAX_BODY);
  /** All of the body is there. */
  #complete: boolean;
  #response: CreditedResponse | null = null;
  #over = false;

  constructor(host: OperationHost, request: RequestHead, requester: Requester, place: Place) {
    this.#host = host;
    this.#request = request;
    this.#requester = requester;
    this.#place = place;
    this.#complete = request.bodyLength === 0;
  }

  begin(): void {
    this.#try(() => this.#begin());
  }

  onRequestData(chunk: Buffer, more: boolean): void {
    if (this.#over || this.#response !== null) return;
    this.#try(() => {
      if (!this.#body.add(chunk)) throw new OperationError('HF_BODY_TOO_LARGE');
      this.#complete = !more;
      if (this.#operation === null) return;
      if (!more) this.#perform(this.#operation);
      else if (chunk.length > 0) this.#requester.onRequestCredit(chunk.length);
    });
  }

  onRequestError(): void {
    this.#over = true;
    this.#response?.drop();
    if (this.#response instanceof EventStream) this.#host.streams.remove(this.#response);
  }

  onResponseCredit(bytes: number): void {
    this.#response?.credit(bytes);
  }

  onFault(thrown: unknown): void {
    const error = reportFault(this.#host, thrown, { id: this.#request.id });
    if (this.#over || this.#response?.done === true) return;
    this.#over = true;
    if (this.#response instanceof EventStream) this.#host.streams.remove(this.#response);
    this.#requester.onResponseError(error);
  }

  #begin(): void {
    const { gate, hosts } = this.#host;
    const request = this.#request;
    const { operations } = this.#place;
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    const operation = operations.get(method as Method);
    if (operation?.access !== 'open' || method !== 'GET') {
      const refused = refusedSource(request, hosts());
      if (refused !== null) throw new OperationError(refused.code, refused.detail);
    }
    if (operation === undefined) {
      const allowed = [...operations.keys()].flatMap((each) => (each === 'GET' ? ['GET', 'HEAD'] : [each]));
      throw new OperationError('HF_CONTROL_METHOD', '', ['Allow', allowed.join(', ')]);
    }
    const caller = operation.access === 'open' && operation.identifies !== true ? NOBODY : gate.callerOf(request);
    if (!(caller instanceof Promise)) {
      this.#admit(operation, caller);
      return;
    }
    caller.then(
      (known) => this.#later(() => this.#admit(operation, known)),
      (thrown: unknown) => fault(this, thrown),
    );
  }

  /** Goes on with an operation that the caller may use. */
  #admit(operation: Operation, caller: Caller | null): void {
    const { gate } = this.#host;
    const request = this.#request;
    const refusal = gate.refusal(operation.access, caller);
    if (refusal === 'HF_CONTROL_CREDENTIALS') throw new OperationError(refusal, '', gate.challenges(request));
    if (refusal === 'HF_LOGIN_RATE') throw new OperationError(refusal, '', ['Retry-After', '5']);
    if (refusal !== null) throw new OperationError(refusal, `it needs the role ${roleFor(operation)}`);
    this.#caller = caller ?? NOBODY;
    this.#operation = operation;
    if (operation.body !== undefined) this.#checkBody();
    if (this.#complete || operation.body === undefined) this.#perform(operation);
    else this.#requester.onRequestCredit(WINDOW);
  }

  /** What the head says of the body. */
  #checkBody(): void {
    const { headers, bodyLength } = this.#request;
    // Fetch §4.10: no page of another site can send this type unless it is asked first.
    const type = fieldValue(headers, 'content-type')?.split(';')[0]?.trim().toLowerCase();
    if (bodyLength === 0) throw new OperationError('HF_CONTROL_INVALID', 'a JSON body is expected');
    if (type !== 'application/json') throw new OperationError('HF_CONTROL_MEDIA_TYPE');
    if (bodyLength !== UNKNOWN_LENGTH && bodyLength > MAX_BODY) throw new OperationError('HF_BODY_TOO_LARGE');
  }

  #perform(operation: Operation): void {
    const { method, target } = this.#request;
    const call = {
      params: this.#place.params,
      query: operation.query === undefined ? {} : validQuery(operation.query, target),
      body: operation.body === undefined ? undefined : validBody(operation.body, this.#body.body),
      caller: this.#caller as Caller,
      request: this.#request,
    };
    if (operation.access === 'admin') {
      const { id, peer } = this.#request;
      const about = { id, peer: peer.address, method, path: pathOf(target), by: call.caller.name };
      this.#host.log.info(about, 'control operation');
    }
    const answer = operation.handle(call);
    if (!(answer instanceof Promise)) {
      this.#answer(answer);
      return;
    }
    answer.then(
      (later) => this.#later(() => this.#answer(later)),
      (thrown: unknown) =>
        this.#later(() => {
          throw thrown;
        }),
    );
  }

  #answer(answer: Answer): void {
    if (this.#over) return;
    if ('open' in answer) {
      this.#stream(answer.open);
      return;
    }
    const { status, json, headers = [] } = answer;
    this.#respond(status, json, headers);
  }

  #stream(open: (stream: EventStream) => () => void): void {
    const { streams } = this.#host;
    const stream = new EventStream(this.#request, this.#requester, this.#caller as Caller);
    streams.check(stream.address);
    this.#response = stream;
    stream.begin();
    if (this.#request.method === 'HEAD') stream.end();
    else if (!this.#over) streams.add(stream, open);
  }

  #respond(status: number, json: unknown, headers: HeaderList): void {
    const body = json === undefined ? Buffer.alloc(0) : Buffer.from(`${JSON.stringify(json)}\n`);
    const type = json === undefined ? [] : ['Content-Type', 'application/json'];
    const own = [...type, 'Cache-Control', 'no-store', 'X-Content-Type-Options', 'nosniff'];
    const response = new CreditedResponse(this.#requester, this.#request.credits);
    this.#response = response;
    this.#requester.onResponse({ status, reason: '', headers: [...own, ...headers], bodyLength: body.length });
    if (!this.#over) response.give(body, true);
  }

  /** Does what a promise has allowed. */
  #later(call: () => void): void {
    try {
      if (!this.#over) this.#try(call);
    } catch (thrown) {
      fault(this, thrown);
    }
  }

  /** Tells the caller of an `OperationError`. */
  #try(call: () => void): void {
    try {
      call();
    } catch (thrown) {
      if (!(thrown instanceof OperationError) || this.#response !== null) throw thrown;
      this.#refuse(thrown);
    }
  }

  #refuse({ code, message, status, headers }: OperationError): void {
    const { counters, log } = this.#host;
    const { id, method, target, peer } = this.#request;
    counters.requestsRefused++;
    log.info({ id, peer: peer.address, method, path: pathOf(target), code, status }, 'control request refused');
    this.#respond(status, { error: { code, message } }, headers);
  }
}

function roleFor({ access }: Operation): string {
  if (access === 'publish' || access === 'admin') return access;
  return 'read';
}
