import { CreditedResponse, type Requester, type RequestHead, UNKNOWN_LENGTH } from '../exchange/index.ts';
import type { Caller } from './caller.ts';

/**
 * Bytes of events that may wait for one reader of a stream; each event costs what its text does, which is never empty.
 * @bound control-event-stream
 */
const MAX_WAITING = 262_144;

const HEADERS: readonly string[] = [
  ...['Content-Type', 'text/event-stream', 'Cache-Control', 'no-store'],
  // nginx passes events on at once.
  ...['X-Accel-Buffering', 'no'],
];

/** A stream of events to one caller (the format is that of EventSource). What a slow reader has no room for is lost, and it is told how much. */
export class EventStream extends CreditedResponse {
  readonly caller: Caller;
  /** Address of the reader. */
  readonly address: string;
  /** Events that it did not get. */
  lost = 0;
  readonly #requester: Requester;
  #untold = 0;

  constructor(request: RequestHead, requester: Requester, caller: Caller) {
    super(requester, request.credits);
    this.#requester = requester;
    this.caller = caller;
    this.address = request.peer.address;
  }

  /** Sends the head of the response. */
  begin(): void {
    this.#requester.onResponse({ status: 200, reason: '', headers: [...HEADERS], bodyLength: UNKNOWN_LENGTH });
  }

  /**
   * Sends an event.
   * @param data JSON, which has no line ends
   * @returns whether there was room for it
   */
  send(event: string, data: string): boolean {
    if (this.#untold > 0 && this.#write(`event: lost\ndata: {"count":${this.#untold}}\n\n`)) this.#untold = 0;
    if (this.#write(`event: ${event}\ndata: ${data}\n\n`)) return true;
    this.lose();
    return false;
  }

  /** An event could not be sent. */
  lose(): void {
    this.lost++;
    this.#untold++;
  }

  /** Sends a comment, which shows that both sides are still there. */
  keepAlive(): void {
    if (this.waiting === 0) this.#write(':\n\n');
  }

  #write(text: string): boolean {
    const bytes = Buffer.from(text);
    if (this.done || this.complete || this.waiting + bytes.length > MAX_WAITING) return false;
    this.give(bytes);
    return true;
  }
}
