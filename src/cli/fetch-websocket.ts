import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { RequestPacket, ResponsePacket } from '../codec/zhttp/index.ts';
import { CliError } from './cli-error.ts';
import { type FetchOutput, failureOf } from './fetch-output.ts';
import { printable } from './show-packet.ts';
import type { RequesterSink, ZhttpRequester } from './zhttp-requester.ts';

/** Close codes of an orderly end: normal, going away, none given (RFC 6455 §7.4.1). */
const ORDERLY = [1000, 1001, 1005];

const NEWLINE = Buffer.from('\n');

/**
 * Opens a WebSocket, writes each of its messages and a line end, and sends each line of `input` as a text message. It is closed some
 * time after the end of `input`, because messages of the origin that arrive after the close would be lost.
 * @param linger milliseconds of that time
 * @throws CliError if it cannot be opened, breaks off, or is closed with a code other than those of an orderly end
 */
export function fetchWebSocket(
  requester: ZhttpRequester,
  packet: RequestPacket,
  input: Readable,
  output: FetchOutput,
  linger: number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const run = new WebSocketRun(requester, input, output, linger, resolve, reject);
    requester.open(packet, run).catch(reject);
  });
}

class WebSocketRun implements RequesterSink {
  readonly #requester: ZhttpRequester;
  readonly #input: Readable;
  readonly #output: FetchOutput;
  readonly #linger: number;
  readonly #resolve: () => void;
  readonly #reject: (error: Error) => void;
  /** Bytes of messages that the responder has granted. */
  #credits = 0;
  #whenCredited: (() => void) | null = null;
  #isOpen = false;
  #isClosing = false;
  #over = false;
  /** From the end of the input to the close. */
  #timer: NodeJS.Timeout | undefined;

  constructor(
    requester: ZhttpRequester,
    input: Readable,
    output: FetchOutput,
    linger: number,
    resolve: () => void,
    reject: (error: Error) => void,
  ) {
    this.#requester = requester;
    this.#input = input;
    this.#output = output;
    this.#linger = linger;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  onPacket(packet: ResponsePacket): void {
    this.#credits += packet.credits;
    switch (packet.type) {
      case 'data':
        if (this.#isOpen) this.#onMessage(packet);
        else this.#onOpen(packet);
        break;
      case 'ping':
        // RFC 6455 §5.5.3. In ZHTTP the requester sends the pong.
        if (!this.#isClosing) this.#requester.send({ type: 'pong', body: packet.body, credits: packet.body.length });
        break;
      case 'close':
        this.#onClose(packet);
        break;
      case 'error':
        if (packet.condition === 'rejected') {
          this.#output.head(packet);
          this.#output.body(packet.body, () => this.#fail(failureOf(packet)));
        } else {
          this.#fail(failureOf(packet));
        }
        break;
      case 'cancel':
        this.#fail(new CliError('the responder cancelled the request'));
    }
    this.#whenCredited?.();
  }

  onLost(reason: string): void {
    this.#fail(new CliError(reason));
  }

  #onOpen(packet: ResponsePacket): void {
    this.#isOpen = true;
    this.#output.head(packet);
    void this.#sendLines();
  }

  #onMessage({ body, more }: ResponsePacket): void {
    this.#output.body(more ? body : Buffer.concat([body, NEWLINE]), () => this.#requester.grant(body.length));
  }

  #onClose({ code, body }: ResponsePacket): void {
    if (!this.#isClosing) this.#requester.send({ type: 'close', code });
    this.#end();
    if (code === 0 || ORDERLY.includes(code)) this.#resolve();
    else this.#reject(new CliError(printable(`closed with ${code} ${body.toString()}`.trimEnd())));
  }

  async #sendLines(): Promise<void> {
    for await (const line of createInterface({ input: this.#input })) {
      if (this.#over) return;
      await this.#sendMessage(Buffer.from(line));
    }
    if (!this.#over) this.#timer = setTimeout(() => this.#close(), this.#linger);
  }

  #close(): void {
    this.#isClosing = true;
    this.#requester.send({ type: 'close', code: 1000 });
  }

  /** Sends one message, in pieces if the responder has not granted all of it. */
  async #sendMessage(message: Buffer): Promise<void> {
    for (let rest = message; !this.#over; ) {
      if (this.#credits === 0 && rest.length > 0) {
        await new Promise<void>((resolve) => {
          this.#whenCredited = resolve;
        });
        continue;
      }
      const body = rest.subarray(0, this.#credits);
      this.#credits -= body.length;
      rest = rest.subarray(body.length);
      this.#requester.send({ contentType: 'text', body, more: rest.length > 0 });
      if (rest.length === 0) return;
    }
  }

  #fail(error: CliError): void {
    this.#end();
    this.#reject(error);
  }

  #end(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#requester.end();
    this.#whenCredited?.();
    this.#input.destroy();
  }
}
