import { once } from 'node:events';
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import type { TestContext } from 'node:test';
import { fieldValue, fieldValues } from '../../src/codec/fields/index.ts';
import { OriginPeer } from './scripted-origin.ts';

/** A request to be made. */
export interface ClientOptions {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string | Buffer;
}

/** A response whose body still comes. */
export class StreamedResponse {
  readonly status: number;
  readonly reason: string;
  /** Flat `[name, value, …]` list, as sent. */
  readonly headers: string[];
  readonly message: IncomingMessage;
  readonly request: ClientRequest;
  readonly #chunks: Buffer[] = [];
  #ended = false;
  #waiters: (() => void)[] = [];

  constructor(message: IncomingMessage, outgoing: ClientRequest) {
    this.status = message.statusCode ?? 0;
    this.reason = message.statusMessage ?? '';
    this.headers = message.rawHeaders;
    this.message = message;
    this.request = outgoing;
    message.on('error', () => {});
    message.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#tell();
    });
    message.on('close', () => {
      this.#ended = true;
      this.#tell();
    });
  }

  /** The first value of a field; `name` in lower case. */
  header(name: string): string | undefined {
    return fieldValue(this.headers, name);
  }

  /** All values of a field; `name` in lower case. */
  all(name: string): string[] {
    return fieldValues(this.headers, name);
  }

  /** What has come so far. */
  get body(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get text(): string {
    return this.body.toString('latin1');
  }

  /** Resolves when the body so far ends with `text`. */
  async until(text: string): Promise<void> {
    while (!this.text.endsWith(text)) {
      if (this.#ended) throw new Error(`the body ended with ${JSON.stringify(this.text.slice(-200))}`);
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
  }

  /** Resolves when the body is over, with whether it was complete. */
  async ended(): Promise<boolean> {
    while (!this.#ended) await new Promise<void>((resolve) => this.#waiters.push(resolve));
    return this.message.complete;
  }

  /** Leaves. */
  destroy(): void {
    this.request.destroy();
  }

  #tell(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const resolve of waiters) resolve();
  }
}

/** A client of one address, on persistent connections as browsers have them. */
export class Client {
  readonly port: number;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(t: TestContext, port: number) {
    this.port = port;
    t.after(() => this.#agent.destroy());
  }

  /** Begins a request, without sending its body. */
  begin(options: ClientOptions = {}): ClientRequest {
    const { method = 'GET', path = '/', headers = {} } = options;
    const outgoing = request({ host: '127.0.0.1', port: this.port, agent: this.#agent, method, path, headers });
    outgoing.on('error', () => {});
    return outgoing;
  }

  /** Sends a request and resolves with the head of its response. */
  stream(options: ClientOptions = {}): Promise<StreamedResponse> {
    const outgoing = this.begin(options);
    outgoing.end(options.body);
    return responseOf(outgoing);
  }

  /** Sends a request and resolves with its whole response. */
  async send(options: ClientOptions = {}): Promise<StreamedResponse> {
    const answer = await this.stream(options);
    if (!(await answer.ended())) throw new Error('the response broke off');
    return answer;
  }

  /** A connection for raw bytes; it ends with the test. */
  async connect(t: TestContext): Promise<OriginPeer> {
    const socket = connect({ host: '127.0.0.1', port: this.port });
    t.after(() => socket.destroy());
    const peer = new OriginPeer(socket);
    await once(socket, 'connect');
    return peer;
  }
}

/** Resolves with the head of the response to a request, or rejects without one. */
export async function responseOf(outgoing: ClientRequest): Promise<StreamedResponse> {
  const [message] = (await once(outgoing, 'response')) as [IncomingMessage];
  return new StreamedResponse(message, outgoing);
}
