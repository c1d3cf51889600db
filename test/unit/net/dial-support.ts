import { once } from 'node:events';
import { type AddressInfo, createServer, type OnReadOpts, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import {
  type DialError,
  type Dialler,
  type Dialling,
  type DialSink,
  type DialTarget,
  Guard,
  type Resolver,
  type Verdict,
} from '../../../src/net/index.ts';
import { turn } from '../../support/manual-clock.ts';

/** A server that keeps its connections; it ends with the test. Port 0 takes a free one. */
export async function startServer(t: TestContext, host: string, port = 0): Promise<RecordingServer> {
  const server = new RecordingServer();
  t.after(() => server.close());
  await server.listen(host, port);
  return server;
}

export class RecordingServer {
  readonly connections: Socket[] = [];
  readonly #server: Server;
  readonly #waits: (() => void)[] = [];

  constructor() {
    this.#server = createServer((socket) => this.accept(socket));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async listen(host: string, port: number): Promise<void> {
    this.#server.listen(port, host);
    await once(this.#server, 'listening');
  }

  protected accept(socket: Socket): void {
    socket.on('error', () => {});
    this.connections.push(socket);
    for (const resolve of this.#waits.splice(0)) resolve();
  }

  /** The connection that is the `count`th to be accepted, now or later. */
  async connection(count = 1): Promise<Socket> {
    while (this.connections.length < count) await new Promise<void>((resolve) => this.#waits.push(resolve));
    return this.connections[count - 1] as Socket;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.connections) socket.destroy();
  }
}

/** Denies what it is told to, and keeps what it was asked. */
export class ListedGuard extends Guard {
  readonly checked: string[] = [];
  readonly #denied: ReadonlySet<string>;

  constructor(...denied: readonly string[]) {
    super({ defaultPolicy: 'allow', allow: [], deny: [], denyInternal: false });
    this.#denied = new Set(denied);
  }

  override checkAddress(address: string): Verdict {
    this.checked.push(address);
    return this.#denied.has(address) ? { allowed: false, reason: 'listed' } : { allowed: true, reason: '' };
  }
}

/** Answers what it is told to. */
export class FixedResolver implements Resolver {
  readonly questions: { host: string; family: 0 | 4 }[] = [];
  readonly #answer: Promise<readonly string[]>;

  constructor(answer: readonly string[] | Promise<readonly string[]>) {
    this.#answer = Promise.resolve(answer);
  }

  resolve(host: string, family: 0 | 4): Promise<readonly string[]> {
    this.questions.push({ host, family });
    return this.#answer;
  }
}

/** A dial and what comes of it. The socket is closed at the end of the test. */
export class TestDial {
  /** The socket or the error. */
  readonly outcome: Promise<Socket | DialError>;
  readonly dialling: Dialling;
  /** How often the sink was called. */
  calls = 0;
  /** What was read. */
  read = '';
  /** Whether reading goes on after each piece. */
  goOn = true;
  /** Called with each piece. */
  onPiece: () => void = () => {};
  readonly buffer = Buffer.alloc(65_536);
  #end: (outcome: Socket | DialError) => void = () => {};
  readonly #t: TestContext;

  constructor(t: TestContext, dialler: Dialler, target: Partial<DialTarget>) {
    this.#t = t;
    this.outcome = new Promise((resolve) => {
      this.#end = resolve;
    });
    const onRead: OnReadOpts = {
      buffer: this.buffer,
      callback: (length, buffer) => {
        this.read += Buffer.from(buffer.buffer, buffer.byteOffset, length).toString('latin1');
        this.onPiece();
        return this.goOn;
      },
    };
    const whereto = { host: '127.0.0.1', port: 1, guard: null, ipv4Only: false, tls: null, ...target };
    let returned = false;
    const sink: DialSink = {
      onConnected: (socket) => {
        if (!returned) throw new Error('called before dial has returned');
        this.onConnected(socket);
      },
      onDialFailed: (error) => {
        if (!returned) throw new Error('called before dial has returned');
        this.onDialFailed(error);
      },
      onFault: (thrown) => {
        throw thrown;
      },
    };
    this.dialling = dialler.dial(whereto, sink, onRead);
    returned = true;
  }

  onConnected(socket: Socket): void {
    this.calls++;
    this.#t.after(() => socket.destroy());
    this.#end(socket);
  }

  onDialFailed(error: DialError): void {
    this.calls++;
    this.#end(error);
  }

  /** The socket; throws what there is instead. */
  async socket(): Promise<Socket> {
    const outcome = await this.outcome;
    if (outcome instanceof Error) throw outcome;
    return outcome;
  }

  /** Kind and message of the failure. */
  async failure(): Promise<[string, string]> {
    const outcome = await this.outcome;
    if (!(outcome instanceof Error)) throw new Error('connected');
    return [outcome.kind, outcome.message];
  }

  /** Resolves when so much has been read. */
  async until(length: number): Promise<string> {
    while (this.read.length < length) {
      await new Promise<void>((resolve) => {
        this.onPiece = resolve;
      });
    }
    return this.read;
  }
}

/** TCP sockets that this process has open, or is opening, once those that were closed are gone: it takes some turns. */
export async function openSockets(): Promise<number> {
  for (let i = 0; i < 4; i++) await turn();
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
}

/** Events that anybody listens for whom Node has not put there. */
export function listenersOf(socket: Socket, fresh: Socket): string[] {
  return socket
    .eventNames()
    .filter((event) => socket.listenerCount(event) > fresh.listenerCount(event))
    .map(String);
}
