import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Arrivals } from './zmq-rig.ts';

const SCRIPT = fileURLToPath(new URL('./libzmq-peer.py', import.meta.url));

/** What a socket of libzmq begins with: one endpoint, options by their C name without `ZMQ_`, topics of a SUB. */
export interface LibzmqOptions {
  readonly bind?: string;
  readonly connect?: string;
  readonly options?: Readonly<Record<string, string | number>>;
  readonly subscribe?: readonly string[];
}

type Answer = { number: number; result?: unknown; error?: string } | { name: string; message: string[] };

/** A process with sockets of libzmq (python3-zmq). */
export class LibzmqPeer {
  readonly #child: ChildProcess;
  readonly #sockets = new Map<string, LibzmqSocket>();
  readonly #answers = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  #number = 0;

  /** @param python path of the interpreter */
  constructor(python: string) {
    this.#child = spawn(python, [SCRIPT], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream });
    lines.on('line', (line) => this.#onAnswer(JSON.parse(line) as Answer));
    this.#child.on('close', () => {
      for (const { reject } of this.#answers.values()) reject(new Error('the libzmq process has ended'));
    });
  }

  /** Version of libzmq. */
  version(): Promise<string> {
    return this.ask({ do: 'version' }) as Promise<string>;
  }

  /** Opens a socket and binds or connects it. */
  async open(kind: string, given: LibzmqOptions): Promise<LibzmqSocket> {
    const { bind = null, connect = null, options = {}, subscribe = [] } = given;
    const name = `${kind}-${++this.#number}`;
    const socket = new LibzmqSocket(this, name);
    this.#sockets.set(name, socket);
    socket.endpoint = (await this.ask({ do: 'open', name, kind, options, bind, connect, subscribe })) as string;
    return socket;
  }

  /** Ends the process. */
  stop(): void {
    this.#child.stdin?.end();
  }

  /** Lets the process carry out a command; resolves with its result. */
  ask(command: Record<string, unknown>): Promise<unknown> {
    const number = ++this.#number;
    this.#child.stdin?.write(`${JSON.stringify({ ...command, number })}\n`);
    return new Promise((resolve, reject) => this.#answers.set(number, { resolve, reject }));
  }

  #onAnswer(answer: Answer): void {
    if ('message' in answer) {
      this.#sockets.get(answer.name)?.messages.add(answer.message.map((part) => Buffer.from(part, 'base64')));
      return;
    }
    const waiting = this.#answers.get(answer.number);
    this.#answers.delete(answer.number);
    if (answer.error === undefined) waiting?.resolve(answer.result);
    else waiting?.reject(new Error(answer.error));
  }
}

/** One socket of libzmq. */
export class LibzmqSocket {
  /** Where it is bound or connected to. */
  endpoint = '';
  /** What it has received. */
  readonly messages = new Arrivals<Buffer[]>();
  readonly #peer: LibzmqPeer;
  readonly #name: string;

  constructor(peer: LibzmqPeer, name: string) {
    this.#peer = peer;
    this.#name = name;
  }

  /** Sends without waiting; false if libzmq did not take the message. */
  send(parts: readonly (Buffer | string)[]): Promise<boolean> {
    const encoded = parts.map((part) => Buffer.from(part as string).toString('base64'));
    return this.#peer.ask({ do: 'send', name: this.#name, parts: encoded }) as Promise<boolean>;
  }

  /** Sends as soon as libzmq takes the message. */
  async sendSurely(parts: readonly (Buffer | string)[]): Promise<void> {
    while (!(await this.send(parts))) {
      // Each attempt is a round trip: the peer gets on meanwhile.
    }
  }

  async subscribe(topic: string): Promise<void> {
    await this.#peer.ask({ do: 'subscribe', name: this.#name, topic });
  }

  async unsubscribe(topic: string): Promise<void> {
    await this.#peer.ask({ do: 'unsubscribe', name: this.#name, topic });
  }

  async close(): Promise<void> {
    await this.#peer.ask({ do: 'close', name: this.#name });
  }
}
