import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { after, describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ZmqSocket } from '../../../src/zmq/index.ts';
import { requirePeer } from '../peers.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { type LibzmqOptions, LibzmqPeer, type LibzmqSocket } from './libzmq-peer.ts';
import { type Opened, text, ZmqRig } from './zmq-rig.ts';

/** A language's libzmq. */
interface Binding {
  readonly name: string;
  /** Whether this machine has it; if not, the test is marked as skipped. */
  available(t: TestContext): boolean;
  readonly command: readonly [string, ...string[]];
}

const script = (name: string) => fileURLToPath(new URL(name, import.meta.url));

const BINDINGS: readonly Binding[] = [
  {
    name: 'python3-zmq',
    available: (t) => requirePeer(t, 'python3-zmq') !== null,
    // The interpreter that Debian's package belongs to.
    command: ['/usr/bin/python3', script('./libzmq-peer.py')],
  },
  {
    name: 'npm zeromq',
    available: () => true,
    command: [process.execPath, '--import', 'tsx', script('./libzmq-peer-node.ts')],
  },
];

/** Who binds, and over what. */
export interface Way {
  readonly name: string;
  readonly weBind: boolean;
  readonly over: 'ipc' | 'tcp' | 'tcp6';
}

const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'));

/** All ways that this machine knows. */
export const WAYS: readonly Way[] = (['tcp', 'ipc', ...(hasIpv6 ? (['tcp6'] as const) : [])] as const).flatMap(
  (over) => [
    { name: `Holdfast binds, ${over}`, weBind: true, over },
    { name: `libzmq binds, ${over}`, weBind: false, over },
  ],
);

/** The two ways that suffice where the transport makes no difference. */
export const BOTH_WAYS: readonly Way[] = WAYS.filter(({ over }) => over === 'ipc');

/** Our sockets, and the process with those of libzmq; all end with the test. */
export class LibzmqRig extends ZmqRig {
  readonly process: LibzmqPeer;
  /** An endpoint that nobody has bound yet. */
  readonly endpoint: string;
  readonly #t: TestContext;
  readonly #binding: Binding;

  constructor(t: TestContext, binding: Binding, process: LibzmqPeer) {
    super(t);
    this.process = process;
    this.endpoint = `ipc://${join(temporaryFolder(t), 's')}`;
    this.#t = t;
    this.#binding = binding;
  }

  /** Opens a socket of libzmq. */
  async libzmq(type: string, given: LibzmqOptions): Promise<LibzmqSocket> {
    const socket = await this.process.open(type, given);
    this.#t.after(() => socket.drop());
    return socket;
  }

  /** Opens a socket of libzmq that is connected with ours, or is about to be. */
  async linked(
    way: Way,
    ours: Opened<ZmqSocket>,
    type: string,
    given: Omit<LibzmqOptions, 'bind' | 'connect'> = {},
  ): Promise<LibzmqSocket> {
    const endpoint = way.over === 'ipc' ? this.endpoint : way.over === 'tcp' ? 'tcp://127.0.0.1:*' : 'tcp://[::1]:*';
    const options = way.over === 'tcp6' ? { ...given.options, IPV6: 1 } : given.options;
    if (way.weBind) return this.libzmq(type, { ...given, options, connect: await ours.socket.bind(endpoint) });
    const theirs = await this.libzmq(type, { ...given, options, bind: endpoint });
    ours.socket.connect(theirs.endpoint);
    return theirs;
  }

  /** Another process with sockets of libzmq; it is killed with the test, if it has not ended. */
  otherProcess(): LibzmqPeer {
    const other = new LibzmqPeer(this.#binding.command);
    this.#t.after(() => other.signal('SIGKILL'));
    return other;
  }

  /** Lets things go on until `done`. */
  async until(done: () => boolean): Promise<void> {
    while (!done()) await this.process.version();
  }
}

/** Defines one test. */
export type Run = (name: string, body: (rig: LibzmqRig, t: TestContext) => Promise<void>) => void;

/** Has the same tests defined for each binding of libzmq. All of one binding share a process, which has to end by itself. */
export function forEachLibzmq(define: (run: Run) => void): void {
  for (const binding of BINDINGS) {
    describe(binding.name, () => {
      let shared: LibzmqPeer | null = null;
      after(async () => {
        if (shared !== null) assert.equal(await shared.stop(), 0);
      });
      define((name, body) =>
        test(name, async (t) => {
          if (!binding.available(t)) return;
          shared ??= new LibzmqPeer(binding.command);
          await body(new LibzmqRig(t, binding, shared), t);
        }));
    });
  }
}

/** Takes the next message of libzmq, as text. */
export function nextOf(theirs: LibzmqSocket): () => Promise<string> {
  return async () => text(await theirs.messages.next());
}
