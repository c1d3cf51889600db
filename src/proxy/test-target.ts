import { pathOf } from '../codec/http1/index.ts';
import {
  type ExchangeError,
  NO_RESPONDER,
  type Requester,
  type Responder,
  respond,
  type Service,
  textResponse,
  WINDOW,
} from '../exchange/index.ts';

/** Bytes of a request body that the built-in origin takes. It does not keep them. */
const MAX_BODY = 100_000;

/** The channel of requests that name none. */
const DEFAULT_CHANNEL = 'test';

type WholeResponse = ReturnType<typeof textResponse>;

/**
 * The origin that is built in (target `test`), with the resources of Pushpin's test handler: `/`, `/response` and `/stream`.
 * @param pathBeg the prefix of the route, which is not part of the resource's path
 */
export function testService(pathBeg: string): Service {
  return (request, requester) => {
    const response = responseTo(request.target, pathBeg);
    if (request.bodyLength > MAX_BODY) return reply(requester, tooLarge());
    if (request.bodyLength === 0) return reply(requester, response);
    requester.onRequestCredit(WINDOW);
    return new TestExchange(requester, response);
  };
}

/** Reads a request body to its end, and responds then. */
class TestExchange implements Responder {
  readonly #requester: Requester;
  readonly #response: WholeResponse;
  #bytes = 0;
  #over = false;

  constructor(requester: Requester, response: WholeResponse) {
    this.#requester = requester;
    this.#response = response;
  }

  onRequestData(chunk: Buffer, more: boolean): void {
    if (this.#over) return;
    this.#bytes += chunk.length;
    this.#over = !more || this.#bytes > MAX_BODY;
    if (!this.#over) this.#requester.onRequestCredit(chunk.length);
    else respond(this.#requester, this.#bytes > MAX_BODY ? tooLarge() : this.#response);
  }

  onRequestError(_error: ExchangeError): void {
    this.#over = true;
  }

  /** All responses are small, and need no credit. */
  onResponseCredit(): void {}
}

function reply(requester: Requester, response: WholeResponse): Responder {
  respond(requester, response);
  return NO_RESPONDER;
}

function responseTo(target: string, pathBeg: string): WholeResponse {
  const { path, channels } = testResource(target, pathBeg);
  switch (path) {
    case '/':
      return textResponse(200, 'Hello from the Pushpin test handler!');
    case '/response':
      return hold('response', channels, 'nothing for now\n');
    case '/stream':
      return hold('stream', channels, '[stream opened]\n');
    default:
      return noSuchResource();
  }
}

/** What a request target asks of the built-in origin: the path without the prefix of the route, and the channels that it names. */
export function testResource(target: string, pathBeg: string): { path: string; channels: readonly string[] } {
  const path = pathOf(target);
  const rest = path.startsWith(pathBeg) ? path.slice(pathBeg.length) : path;
  const query = new URLSearchParams(target.slice(path.length + 1));
  const named = query.getAll('channel').filter((name) => name !== '');
  return { path: rest.startsWith('/') ? rest : `/${rest}`, channels: named.length === 0 ? [DEFAULT_CHANNEL] : named };
}

export function noSuchResource(): WholeResponse {
  return textResponse(404, 'no such test resource');
}

/** An instruct in JSON (GRIP): a channel in a header could not have every name. */
function hold(mode: 'response' | 'stream', names: readonly string[], body: string): WholeResponse {
  const channels = names.map((name) => ({ name }));
  const instruct = { hold: { mode, channels }, response: { headers: { 'Content-Type': 'text/plain' }, body } };
  return textResponse(200, JSON.stringify(instruct), ['Content-Type', 'application/grip-instruct']);
}

function tooLarge(): WholeResponse {
  return textResponse(400, 'request too large');
}
