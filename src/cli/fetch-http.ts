import type { RequestPacket, ResponsePacket } from '../codec/zhttp/index.ts';
import { CliError, reasonOf } from './cli-error.ts';
import { type FetchOutput, failureOf } from './fetch-output.ts';
import type { Upload } from './fetch-packet.ts';
import type { RequesterSink, ZhttpRequester } from './zhttp-requester.ts';

/**
 * Makes an HTTP request in stream mode, and writes its response as fast as the output takes it.
 * @returns the status
 * @throws CliError when it fails
 */
export function fetchHttp(
  requester: ZhttpRequester,
  packet: RequestPacket,
  upload: Upload | null,
  output: FetchOutput,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const run = new HttpRun(requester, output, resolve, reject);
    packet.stream = true;
    if (upload !== null) {
      packet.more = true;
      if (upload.length !== null) packet.headers = [...packet.headers, 'Content-Length', String(upload.length)];
    }
    requester.open(packet, run).then(() => run.send(upload), reject);
  });
}

class HttpRun implements RequesterSink {
  readonly #requester: ZhttpRequester;
  readonly #output: FetchOutput;
  readonly #resolve: (status: number) => void;
  readonly #reject: (error: Error) => void;
  /** Bytes of the request body that the responder has granted. */
  #credits = 0;
  #whenCredited: (() => void) | null = null;
  #status = 0;
  #over = false;

  constructor(
    requester: ZhttpRequester,
    output: FetchOutput,
    resolve: (status: number) => void,
    reject: (error: Error) => void,
  ) {
    this.#requester = requester;
    this.#output = output;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Sends the body as the responder grants credits. */
  async send(upload: Upload | null): Promise<void> {
    if (upload === null) return;
    try {
      for await (const chunk of upload.chunks) {
        await this.#sendChunk(chunk);
        if (this.#over) break;
      }
    } catch (error) {
      this.#requester.send({ type: 'cancel' });
      this.#fail(new CliError(`cannot read the data: ${reasonOf(error)}`));
      return;
    }
    // After an early response the rest of the body is not needed.
    if (!this.#over) this.#requester.send({});
  }

  async #sendChunk(chunk: Buffer): Promise<void> {
    for (let rest = chunk; rest.length > 0 && !this.#over; ) {
      if (this.#credits === 0) {
        await new Promise<void>((resolve) => {
          this.#whenCredited = resolve;
        });
        continue;
      }
      const body = rest.subarray(0, this.#credits);
      this.#credits -= body.length;
      this.#requester.send({ body, more: true });
      rest = rest.subarray(body.length);
    }
  }

  onPacket(packet: ResponsePacket): void {
    this.#credits += packet.credits;
    if (packet.type === 'data') this.#onData(packet);
    else if (packet.type === 'error') this.#fail(failureOf(packet));
    else if (packet.type === 'cancel') this.#fail(new CliError('the responder cancelled the request'));
    this.#whenCredited?.();
  }

  onLost(reason: string): void {
    this.#fail(new CliError(reason));
  }

  #onData(packet: ResponsePacket): void {
    if (this.#status === 0) {
      this.#status = packet.code;
      this.#output.head(packet);
    }
    const { length } = packet.body;
    this.#output.body(packet.body, () => {
      if (!packet.more) this.#resolve(this.#status);
      else this.#requester.grant(length);
    });
    if (!packet.more) this.#end();
  }

  #fail(error: CliError): void {
    this.#end();
    this.#reject(error);
  }

  #end(): void {
    this.#over = true;
    this.#requester.end();
    this.#whenCredited?.();
  }
}
