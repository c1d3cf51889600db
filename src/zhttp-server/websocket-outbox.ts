import { CreditedBody, type WebSocketResponder } from '../exchange/index.ts';

/**
 * Messages, pings and pongs of one requester that wait for a target. Their bytes are bounded by credits.
 * @bound zhttp-websocket-items
 */
const MAX_ITEMS = 1_000;

/** A ping, pong or close. */
interface Control {
  readonly kind: 'ping' | 'pong' | 'close';
  readonly body: Buffer;
  /** Of a close. */
  readonly code: number;
}

/** Pieces of one message. They are kept together, so that many small ones cost little more than their bytes. */
class MessagePieces extends CreditedBody {
  responder: WebSocketResponder | null = null;
  readonly #text: boolean;

  constructor(text: boolean) {
    super(0, true);
    this.#text = text;
  }

  protected override pass(chunk: Buffer, more: boolean): void {
    this.responder?.onRequestMessage(chunk, this.#text, more);
  }
}

/** What a requester sends on a WebSocket, on its way to the target: keeps in order what the target has not granted yet. */
export class WebSocketOutbox {
  #items: (MessagePieces | Control)[] = [];
  /** Bytes that the target takes. */
  #credits = 0;
  #paused = false;
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
    const last = this.#items.at(-1);
    if (last instanceof MessagePieces && !last.complete) {
      last.give(body, !more);
      return;
    }
    const pieces = new MessagePieces(text);
    pieces.give(body, !more);
    this.#items.push(pieces);
  }

  control(kind: 'ping' | 'pong', body: Buffer): void {
    this.#items.push({ kind, body, code: 0 });
  }

  /** @param reason in UTF-8 */
  close(code: number, reason: Buffer): void {
    this.#items.push({ kind: 'close', body: reason, code });
  }

  /** The target takes so many more bytes. */
  grant(bytes: number): void {
    this.#credits += bytes;
  }

  /** The target takes nothing for now, whatever it has granted, or takes it again. */
  pause(paused: boolean): void {
    this.#paused = paused;
    const [first] = this.#items;
    if (paused && first instanceof MessagePieces) first.hold();
  }

  /** The exchange is over: the target gets nothing more. */
  drop(): void {
    const items = this.#items;
    this.#items = [];
    for (const item of items) {
      if (item instanceof MessagePieces) item.drop();
    }
  }

  /** Passes on what the target takes. Returns how many bytes that was. */
  pump(responder: WebSocketResponder): number {
    // The target may grant from within.
    if (this.#pumping) return 0;
    this.#pumping = true;
    let taken = 0;
    try {
      for (let item = this.#items[0]; item !== undefined && !this.#paused; item = this.#items[0]) {
        if (item instanceof MessagePieces) {
          const waiting = item.waiting;
          const passed = this.#passPieces(item, responder);
          taken += passed;
          if (passed === 0 && waiting > 0) break;
        } else {
          // RFC 6455 §5.5: a ping or pong cannot be sent in pieces.
          const bytes = item.kind === 'close' ? 0 : item.body.length;
          if (bytes > this.#credits) break;
          this.#credits -= bytes;
          taken += bytes;
          this.#items.shift();
          send(responder, item);
        }
      }
    } finally {
      this.#pumping = false;
    }
    return taken;
  }

  /** Returns how many bytes were passed. */
  #passPieces(pieces: MessagePieces, responder: WebSocketResponder): number {
    const given = this.#credits;
    const { waiting } = pieces;
    this.#credits = 0;
    pieces.responder = responder;
    pieces.credit(given);
    pieces.release();
    const left = pieces.credits;
    pieces.credits = 0;
    this.#credits += left;
    // What is still to come of an incomplete message gets an object of its own. A dropped one is no longer here.
    if (pieces.waiting === 0 && (pieces.done || !pieces.complete) && this.#items[0] === pieces) this.#items.shift();
    return Math.min(given - left, waiting);
  }
}

function send(responder: WebSocketResponder, { kind, body, code }: Control): void {
  if (kind === 'ping') responder.onRequestPing(body);
  else if (kind === 'pong') responder.onRequestPong(body);
  else responder.onRequestClose(code, body.toString());
}
