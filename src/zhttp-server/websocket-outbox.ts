import type { WebSocketResponder } from '../exchange/index.ts';

/** One thing that the requester says on a WebSocket. */
interface Item {
  readonly kind: 'message' | 'ping' | 'pong' | 'close';
  body: Buffer;
  /** Of a message. */
  readonly text: boolean;
  readonly more: boolean;
  /** Of a close. */
  readonly code: number;
}

/**
 * Messages, pings and pongs of one requester that wait for a target. Their bytes are bounded by credits.
 * @bound zhttp-websocket-items
 */
const MAX_ITEMS = 1_000;

/** What a requester says on its way to the WebSocket: keeps, in its order, what the fetcher has not asked for yet. */
export class WebSocketOutbox {
  #items: Item[] = [];
  /** Bytes that the fetcher takes. */
  #credits = 0;
  #pumping = false;

  /** Whether so much waits already that nothing more is taken. */
  get full(): boolean {
    return this.#items.length >= MAX_ITEMS;
  }

  get empty(): boolean {
    return this.#items.length === 0;
  }

  /** A piece of a message. */
  message(body: Buffer, text: boolean, more: boolean): void {
    this.#items.push({ kind: 'message', body, text, more, code: 0 });
  }

  control(kind: 'ping' | 'pong', body: Buffer): void {
    this.#items.push({ kind, body, text: false, more: false, code: 0 });
  }

  /** @param reason in UTF-8 */
  close(code: number, reason: Buffer): void {
    this.#items.push({ kind: 'close', body: reason, text: false, more: false, code });
  }

  /** The fetcher takes so many bytes more. */
  grant(bytes: number): void {
    this.#credits += bytes;
  }

  /** The exchange is over: the fetcher gets nothing more. */
  drop(): void {
    this.#items = [];
  }

  /** Hands over what the fetcher takes. Returns how many bytes that was. */
  pump(responder: WebSocketResponder): number {
    // The fetcher may grant from within.
    if (this.#pumping) return 0;
    this.#pumping = true;
    let taken = 0;
    for (let item = this.#items[0]; item !== undefined; item = this.#items[0]) {
      const bytes = item.kind === 'close' ? 0 : item.body.length;
      if (bytes > this.#credits && (item.kind !== 'message' || this.#credits === 0)) break;
      const length = Math.min(bytes, this.#credits);
      this.#credits -= length;
      taken += length;
      if (length < bytes) {
        // A message may be passed on in smaller pieces; a ping or pong may not.
        const piece = item.body.subarray(0, length);
        item.body = item.body.subarray(length);
        responder.onRequestMessage(piece, item.text, true);
      } else {
        this.#items.shift();
        say(responder, item);
      }
    }
    this.#pumping = false;
    return taken;
  }
}

function say(responder: WebSocketResponder, { kind, body, text, more, code }: Item): void {
  switch (kind) {
    case 'message':
      responder.onRequestMessage(body, text, more);
      break;
    case 'ping':
      responder.onRequestPing(body);
      break;
    case 'pong':
      responder.onRequestPong(body);
      break;
    case 'close':
      responder.onRequestClose(code, body.toString());
  }
}
