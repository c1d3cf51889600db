import assert from 'node:assert/strict';
import type {
  JoinedMessages,
  MessagePayload,
  ResponseHead,
  WebSocketRequester,
  WebSocketResponder,
} from '../../../src/exchange/index.ts';
import { FakeRequester } from './fake-requester.ts';

/** A `FakeRequester` that asks for a WebSocket, and holds the other side to the contract of `WebSocketRequester`. */
export class FakeWebSocketRequester extends FakeRequester implements WebSocketRequester {
  /** Messages, pings, pongs and the close, as lines: `text hello`, `close 1000 bye`; payloads in latin1. */
  readonly events: string[] = [];
  /** Sizes of the pieces in which messages came. */
  readonly pieces: number[] = [];
  /** How many messages came together, for each time that several did. */
  readonly joined: number[] = [];
  keepsUp = false;
  readonly #message: Buffer[] = [];
  #text: boolean | null = null;
  #closeReceived = false;
  #closeSent = false;

  /** Whether the WebSocket has been accepted. */
  get open(): boolean {
    return this.head?.status === 101;
  }

  /** Whether the whole of a response that refuses has come. */
  get refused(): boolean {
    return this.complete;
  }

  /** The events; waits until there are `count`. */
  async lines(count: number): Promise<string[]> {
    await this.until(() => this.events.length >= count || this.error !== null);
    return this.events;
  }

  /** Code of the error that ended the exchange; empty without one. */
  failure(): string {
    return this.error?.code ?? '';
  }

  // ---- what it does

  /** Sends a piece of a message, within the credits; text as UTF-8. */
  message(data: string | Buffer, more = false): void {
    const chunk = Buffer.from(data as string);
    this.#use(chunk.length);
    this.webSocket?.onRequestMessage(chunk, typeof data === 'string', more);
  }

  ping(data = ''): void {
    this.#use(data.length);
    this.webSocket?.onRequestPing(Buffer.from(data, 'latin1'));
  }

  pong(data = ''): void {
    this.#use(data.length);
    this.webSocket?.onRequestPong(Buffer.from(data, 'latin1'));
  }

  close(code = 1005, reason = ''): void {
    this.#closeSent = true;
    this.webSocket?.onRequestClose(code, reason);
  }

  /** The other side, which takes messages. */
  get webSocket(): WebSocketResponder | null {
    return this.responder as WebSocketResponder | null;
  }

  #use(bytes: number): void {
    this.requestCredit -= bytes;
    assert.ok(this.requestCredit >= 0, 'the test sends more than it was granted');
  }

  // ---- what it is told

  override onResponse(head: ResponseHead): void {
    if (head.status !== 101) {
      super.onResponse(head);
      return;
    }
    this.check('onResponse');
    assert.equal(this.head, null, 'a second head');
    assert.equal(head.bodyLength, 0);
    this.head = head;
    this.called();
  }

  onResponseMessage(chunk: Buffer, text: boolean, more: boolean): void {
    this.checkOpen('onResponseMessage');
    this.spend(chunk.length);
    assert.ok(chunk.length > 0 || !more || !this.strict, 'an empty piece that ends nothing');
    assert.ok(this.#text === null || this.#text === text, 'a message of two types');
    this.#text = more ? text : null;
    this.pieces.push(chunk.length);
    this.#message.push(chunk);
    if (!more) {
      const data = Buffer.concat(this.#message.splice(0)).toString('latin1');
      this.events.push(`${text ? 'text' : 'binary'} ${data}`.trimEnd());
    }
    this.called();
  }

  onResponseShared(message: MessagePayload): void {
    this.onResponseMessage(message.body, message.text, false);
  }

  onResponseJoined({ messages }: JoinedMessages): void {
    this.joined.push(messages.length);
    for (const message of messages) this.onResponseShared(message);
  }

  onResponsePing(data: Buffer): void {
    this.#control('ping', data);
  }

  onResponsePong(data: Buffer): void {
    this.#control('pong', data);
  }

  onResponseClose(code: number, reason: string): void {
    this.checkOpen('onResponseClose');
    this.#closeReceived = true;
    this.events.push(`close ${code} ${reason}`.trimEnd());
    this.called();
  }

  #control(kind: 'ping' | 'pong', data: Buffer): void {
    this.checkOpen(kind);
    this.spend(data.length);
    assert.ok(data.length <= 125);
    this.events.push(`${kind} ${data.toString('latin1')}`.trimEnd());
    this.called();
  }

  /** Whether both sides have closed. */
  protected get closed(): boolean {
    return this.#closeReceived && this.#closeSent;
  }

  protected override check(call: string): void {
    super.check(call);
    assert.ok(!this.closed, `${call} after both closes`);
  }

  /** A frame is allowed now. */
  protected checkOpen(call: string): void {
    this.check(call);
    assert.ok(this.open, `${call} before it is open`);
    assert.ok(!this.#closeReceived, `${call} behind the close`);
  }

  override onRequestCredit(bytes: number): void {
    this.checkCredit();
    super.onRequestCredit(bytes);
  }

  /** Credit is allowed now. A WebSocket is granted nothing before it is open. */
  protected checkCredit(): void {
    assert.ok(this.open, 'credit before it is open');
  }
}
