import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Arrivals } from './zmq-rig.ts';

/**
 * What a socket of libzmq begins with: one endpoint, options by their C name without `ZMQ_`, topics of a SUB, and whether it takes
 * no messages until `resume`.
 */
export interface LibzmqOptions {
  readonly bind?: string;
  readonly connect?: string;
  readonly options?: Readonly<Record<string, string | number>>;
  readonly subscribe?: readonly string[];
  readonly stalled?: boolean;
}

type Answer = { number: number; result?: unknown; error?: string } | { name: string; message: string[] };

const ENDED = 'the libzmq process has ended';

/** A process with sockets of libzmq. */
export class LibzmqPeer {
  readonly #child: ChildProcess;
  readonly #sockets = new Map<string, LibzmqSocket>();
  readonly #answers = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  #number = 0;
  #ended = false;

  /** @param command program and arguments, of `libzmq-peer.py` or one that is driven alike */
  constructor(command: readonly [string, ...string[]]) {
    const [program, ...args] = command;
    this.#child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface({ input: this.#child.stdout as NodeJS.ReadableStream });
    lines.on('line', (line) => this.#onAnswer(JSON.parse(line) as Answer));
    this.#child.on('close', () => {
      this.#ended = true;
      for (const { reject } of this.#answers.values()) reject(new Error(ENDED));
    });
  }

  /** Version of libzmq. */
  version(): Promise<string> {
    return this.ask({ do: 'version' }) as Promise<string>;
  }

  /** Opens a socket and binds or connects it. */
  async open(kind: string, given: LibzmqOptions): Promise<LibzmqSocket> {
    const { bind = null, connect = null, options = {}, subscribe = [], stalled = false } = given;
    const name = `${kind}-${++this.#number}`;
    const socket = new LibzmqSocket(this, name);
    this.#sockets.set(name, socket);
    const answer = await this.ask({ do: 'open', name, kind, options, bind, connect, subscribe, stalled });
    socket.endpoint = answer as string;
    return socket;
  }

  /** Lets the process end by itself. Resolves with its exit code, null if it was killed. */
  async stop(): Promise<number | null> {
    const child = this.#child;
    child.stdin?.end();
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    return child.exitCode;
  }

  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    this.#child.kill(name);
  }

  /** Lets the process carry out a command; resolves with its result. */
  ask(command: Record<string, unknown>): Promise<unknown> {
    if (this.#ended) return Promise.reject(new Error(ENDED));
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

  /** Takes messages from now on, if it was opened as `stalled`. */
  async resume(): Promise<void> {
    await this.#peer.ask({ do: 'resume', name: this.#name });
  }

  /** Closes; what has not been sent yet is given some seconds to leave. */
  async close(): Promise<void> {
    await this.#peer.ask({ do: 'close', name: this.#name, drop: false });
  }

  /** Closes, and forgets what has not been sent yet. */
  async drop(): Promise<void> {
    await this.#peer.ask({ do: 'close', name: this.#name, drop: true });
  }
}
