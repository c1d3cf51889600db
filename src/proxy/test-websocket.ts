import { fieldValues } from '../codec/fields/index.ts';
import { gripExtension } from '../codec/grip/index.ts';
import { NO_RESPONDER, type RequestHead, respond, type WebSocketRequester, WINDOW } from '../exchange/index.ts';
import type { TargetWebSocketResponder, TargetWebSocketService } from './proxy-target.ts';
import { noSuchResource, testResource } from './test-target.ts';

/** Begins the messages for the client (GRIP): a control message that a client sends returns to it, and nothing obeys it. */
const PREFIX = Buffer.from('m:');

/**
 * The WebSockets of the built-in origin (target `test`): `/ws` sends every message back, and subscribes the client to the channels that the
 * request names.
 * @param pathBeg the prefix of the route, which is not part of the resource's path
 */
export function testWebSocketService(pathBeg: string): TargetWebSocketService {
  return (request, requester) => {
    const { path, channels } = testResource(request.target, pathBeg);
    if (path !== '/ws') {
      respond(requester, noSuchResource());
      return NO_RESPONDER;
    }
    const socket = new TestWebSocket(request, requester);
    // The proxy gives credit back while it opens.
    requester.handOver(socket);
    socket.open(channels);
    return socket;
  };
}

/** A piece of a message, or a pong, that waits for credit. */
interface Waiting {
  readonly kind: 'message' | 'pong';
  chunk: Buffer;
  readonly text: boolean;
  readonly more: boolean;
  /** Bytes of the client for which it gets credit again when this has passed. */
  readonly owed: number;
}

class TestWebSocket implements TargetWebSocketResponder {
  readonly #requester: WebSocketRequester;
  /** Whether the proxy takes control messages. */
  readonly #grip: boolean;
  #credits: number;
  /** No more than the client has credit for: while something waits, it sends nothing more. */
  readonly #waiting: Waiting[] = [];
  #passing = false;
  #paused = false;
  /** Whether the client is within a message. */
  #within = false;
  #close: { readonly code: number; readonly reason: string } | null = null;
  #over = false;

  constructor({ headers, credits }: RequestHead, requester: WebSocketRequester) {
    this.#requester = requester;
    this.#credits = credits;
    this.#grip = gripExtension(fieldValues(headers, 'sec-websocket-extensions')) !== null;
  }

  open(channels: readonly string[]): void {
    const headers = this.#grip ? ['Sec-WebSocket-Extensions', 'grip'] : [];
    this.#requester.onResponse({ status: 101, reason: '', headers, bodyLength: 0 });
    this.#requester.onRequestCredit(WINDOW);
    if (!this.#grip) return;
    for (const channel of channels) {
      const message = Buffer.from(`c:${JSON.stringify({ type: 'subscribe', channel })}`);
      this.#add({ kind: 'message', chunk: message, text: true, more: false, owed: 0 });
    }
  }

  /** The request of a WebSocket has no body. */
  onRequestData(): void {}

  onRequestMessage(chunk: Buffer, text: boolean, more: boolean): void {
    const prefixed = this.#grip && !this.#within;
    this.#within = more;
    const bytes = prefixed ? Buffer.concat([PREFIX, chunk]) : chunk;
    this.#add({ kind: 'message', chunk: bytes, text, more, owed: chunk.length });
  }

  onRequestPing(data: Buffer): void {
    this.#add({ kind: 'pong', chunk: data, text: false, more: false, owed: data.length });
  }

  onRequestPong(data: Buffer): void {
    if (!this.#over) this.#requester.onRequestCredit(data.length);
  }

  onRequestClose(code: number, reason: string): void {
    this.#close = { code, reason };
    this.#pass();
  }

  onRequestError(): void {
    this.#over = true;
    this.#waiting.length = 0;
  }

  onResponseCredit(bytes: number): void {
    this.#credits += bytes;
    this.#pass();
  }

  #add(waiting: Waiting): void {
    if (this.#over) return;
    this.#waiting.push(waiting);
    this.#pass();
    this.#pause(this.#waiting.length > 0);
  }

  #pause(paused: boolean): void {
    if (this.#over || this.#paused === paused) return;
    this.#paused = paused;
    this.#requester.pauseRequest(paused);
  }

  /** Passes what there is credit for. */
  #pass(): void {
    // What is passed may give credit at once.
    if (this.#passing) return;
    this.#passing = true;
    while (!this.#over && this.#waiting.length > 0 && this.#passFirst());
    this.#passing = false;
    if (this.#over || this.#waiting.length > 0) return;
    if (this.#close === null) {
      this.#pause(false);
      return;
    }
    this.#over = true;
    this.#requester.onResponseClose(this.#close.code, this.#close.reason);
  }

  /** Passes the first one that waits, or a part of it. Returns false if there is no credit for it. */
  #passFirst(): boolean {
    const first = this.#waiting[0] as Waiting;
    const { kind, chunk, text, more, owed } = first;
    const fits = chunk.length <= this.#credits;
    if (!fits && (kind === 'pong' || this.#credits <= 0)) return false;
    const piece = fits ? chunk : chunk.subarray(0, this.#credits);
    if (fits) this.#waiting.shift();
    else first.chunk = chunk.subarray(piece.length);
    this.#credits -= piece.length;
    if (kind === 'pong') this.#requester.onResponsePong(piece);
    else this.#requester.onResponseMessage(piece, text, more || !fits);
    if (fits && owed > 0 && !this.#over) this.#requester.onRequestCredit(owed);
    return true;
  }
}
