import { ExchangeError, type HeldTotal, type RawClient, type RawReader } from '../exchange/index.ts';
import { accessLine, logTime } from './access-log.ts';
import type { AnswerBody } from './answer-body.ts';
import { fixedAnswer, fixedResponse } from './fixed-response.ts';
import { FLASH_POLICY } from './flash-policy.ts';
import type { HandlerSockets } from './handler-sockets.ts';
import type { HandlerTarget } from './handler-target.ts';
import { InputFeed } from './input-feed.ts';
import { Mongrel2Connection } from './mongrel2-connection.ts';
import type { Site } from './site.ts';
import { SocketInput, type SocketOwner } from './socket-input.ts';

/** The handlers of messages of sockets. */
export interface SocketRoutes {
  /** @param path `@ROUTE` or `<TAG`. Null: no handler has it. */
  socketTarget(path: string): HandlerTarget | null;
}

/**
 * A client that speaks JSON or XML instead of HTTP (reference §8): each of its messages goes to the handler of its route. What handlers write is
 * encoded in base64, unless the last message went to a handler with `raw_payload`.
 */
export class SocketConnection extends Mongrel2Connection implements RawReader, SocketOwner {
  readonly inputs: HeldTotal;
  readonly #socket: RawClient;
  readonly #routes: SocketRoutes;
  readonly #input: SocketInput;
  readonly #feed: InputFeed;
  #raw = false;

  constructor(site: Site, routes: SocketRoutes, client: RawClient) {
    super(site.connections.nextId(), site);
    this.inputs = site.inputs;
    this.#socket = client;
    this.#routes = routes;
    this.#input = new SocketInput(this);
    this.#feed = new InputFeed(this, this.#input);
    this.takeMessages();
    this.begin(client);
    this.addPart({ grant: () => false, end: () => this.#end() });
  }

  onInput(chunk: Buffer): void {
    this.#input.onInput(chunk);
  }

  pauseInput(paused: boolean): void {
    this.#socket.pauseInput(paused);
  }

  onSocketMessage(method: 'JSON' | 'XML', path: string, body: Buffer): void {
    this.ping();
    const target = this.#routes.socketTarget(path);
    if (target === null || !target.sockets.bound) {
      this.#refuse(method, path, new ExchangeError(target === null ? 'HF_NO_ROUTE' : 'HF_HANDLER_UNBOUND'));
      return;
    }
    this.#raw = target.sockets.handler.rawPayload;
    this.#log(method, path, 200, body.length);
    const { address } = this.#socket.peer;
    this.#feed.send(this.tie(target.sockets), target.socketMessage(this, method, path, address, body));
  }

  onSocketPing(): void {
    this.ping();
  }

  onPolicyRequest(): void {
    this.#say(FLASH_POLICY);
  }

  /** Says why in HTTP, as Mongrel2 does, and ends. */
  #refuse(method: string, path: string, error: ExchangeError): void {
    const { head, body } = fixedResponse(error);
    this.#log(method, path, head.status, body.length);
    this.#say(fixedAnswer(error));
  }

  /** Writes bytes of the server itself, and ends. */
  #say(bytes: Buffer): void {
    this.#socket.write(bytes);
    this.end('');
  }

  /** A message has no status and no version. */
  #log(method: string, path: string, status: number, bytes: number): void {
    const { accessLog } = this.site;
    if (accessLog.silent) return;
    const { peer } = this.#socket;
    const request = { host: '', peer, time: logTime(), method, path, version: '' };
    accessLog.write(accessLine(request, status, bytes));
  }

  protected override write(body: AnswerBody, sockets: HandlerSockets | null): void {
    super.write(this.#raw ? body : body.base64, sockets);
  }

  #end(): void {
    this.#input.end();
    this.#feed.end();
  }
}
