import type { ExchangeError, Payload, RequestHead, ResponseHead } from '../../../src/exchange/index.ts';
import { FakeWebSocketRequester } from './fake-websocket-requester.ts';

/** A requester of HTTP or of a WebSocket that writes each call down as one line: bodies and messages in latin1, as JSON has them. */
export class RecordingRequester extends FakeWebSocketRequester {
  readonly request: RequestHead;
  /** Whether each piece of body is taken at once, and so its bytes granted again. */
  greedy = true;
  /** Bytes of body and messages that have come. */
  received = 0;
  // What handlers send is passed on as it is: the server judges it.
  protected override strict = false;
  readonly #lines: string[] = [];

  constructor(request: RequestHead) {
    super(request.credits);
    this.request = request;
  }

  /** Whether nothing may come any more. */
  get over(): boolean {
    return this.end !== null || this.gone || this.closed;
  }

  override get open(): boolean {
    return super.open && !this.over;
  }

  /** Takes the lines that have been written since the last time. */
  take(): string[] {
    return this.#lines.splice(0);
  }

  override onResponse(head: ResponseHead): void {
    this.#lines.push(`head ${head.status}${head.reason && ` ${head.reason}`}`);
    super.onResponse(head);
  }

  override onResponseData(chunk: Buffer, more: boolean): void {
    this.#lines.push(`data ${JSON.stringify(chunk.toString('latin1'))}${more ? ' more' : ''}`);
    super.onResponseData(chunk, more);
    this.#received(chunk.length);
  }

  override onResponsePayload(payload: Payload): void {
    this.onResponseData(payload.body, true);
  }

  override onResponseError(error: ExchangeError): void {
    this.#lines.push(`error ${error.code}`);
    super.onResponseError(error);
  }

  override onRequestCredit(bytes: number): void {
    this.#lines.push(`credit ${bytes}`);
    super.onRequestCredit(bytes);
  }

  override onResponseMessage(chunk: Buffer, text: boolean, more: boolean): void {
    const kind = text ? 'text' : 'binary';
    this.#lines.push(`${kind} ${JSON.stringify(chunk.toString('latin1'))}${more ? ' more' : ''}`);
    super.onResponseMessage(chunk, text, more);
    this.#received(chunk.length);
  }

  override onResponsePing(data: Buffer): void {
    this.#lines.push(`ping ${JSON.stringify(data.toString())}`);
    super.onResponsePing(data);
    this.#received(data.length);
  }

  override onResponsePong(data: Buffer): void {
    this.#lines.push(`pong ${JSON.stringify(data.toString())}`);
    super.onResponsePong(data);
    this.#received(data.length);
  }

  override onResponseClose(code: number, reason: string): void {
    this.#lines.push(`close ${code}${reason && ` ${reason}`}`);
    super.onResponseClose(code, reason);
  }

  // A session is granted the body of its request too.
  protected override checkCredit(): void {}

  #received(bytes: number): void {
    this.received += bytes;
    if (this.greedy && !this.over && bytes > 0) this.grant(bytes);
  }
}
