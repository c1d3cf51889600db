import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { DEFAULT_ZHTTP_LIMITS } from '../../../src/codec/zhttp/index.ts';
import { SessionCounters } from '../../../src/zhttp/index.ts';
import { FetchTarget, ZhttpServer, type ZhttpServerOptions } from '../../../src/zhttp-server/index.ts';
import { SubSocket } from '../../../src/zmq/index.ts';
import { turn } from '../manual-clock.ts';
import { temporaryFolder } from '../temporary-folder.ts';
import { Arrivals, parts, text, ZmqRig } from '../zmq/zmq-rig.ts';
import { FakeFetcher } from './fake-fetcher.ts';
import { requestPacket } from './server-rig.ts';

/** A bridge with sockets, called `zu`, and those who ask it. */
export class ZhttpServerRig {
  readonly zmq: ZmqRig;
  readonly counters = new SessionCounters();
  readonly fetcher = new FakeFetcher();
  readonly bridge: ZhttpServer;
  /** Where the endpoints are: `BASE-in`, `BASE-in-stream`, `BASE-out`, `BASE-req`. */
  readonly base: string;
  readonly #t: TestContext;
  readonly #opened: ZhttpServer | undefined;
  #probes = 0;

  constructor(t: TestContext, changes: Partial<ZhttpServerOptions> = {}) {
    this.#t = t;
    t.after(() => this.#opened?.stop());
    this.zmq = new ZmqRig(t);
    this.base = `ipc://${join(temporaryFolder(t), 'fetch')}`;
    const { wheel, log, counters: zmqCounters } = this.zmq;
    this.bridge = new ZhttpServer({
      address: 'zu',
      stream: [{ in: `${this.base}-in`, inStream: `${this.base}-in-stream`, out: `${this.base}-out` }],
      req: [`${this.base}-req`],
      connect: false,
      ipcFileMode: null,
      inHwm: 1_000,
      outHwm: 1_000,
      maxOpenRequests: Number.POSITIVE_INFINITY,
      bufferSize: 1_000,
      maxBodyBytes: 100_000,
      sessionTimeout: 60_000,
      activityTimeout: 600_000,
      limits: DEFAULT_ZHTTP_LIMITS,
      target: new FetchTarget({
        fetcher: this.fetcher,
        rules: { current: { guard: null, obeyIgnorePolicies: true, decompress: false } },
      }),
      wheel,
      counters: this.counters,
      zmqCounters,
      log,
      ...changes,
    });
    this.#opened = this.bridge;
  }

  /** Sockets of one who asks in stream mode, in working order. @param name its address, which is the ROUTER's name too if `named` */
  async requester(name = 'me', named = false) {
    const push = this.zmq.push();
    const router = this.zmq.router({ mandatory: true, routingId: named ? Buffer.from(name) : Buffer.alloc(0) });
    const published = new Arrivals<string>();
    const probe = `probe${this.#probes++}`;
    let heard = false;
    const sub = new SubSocket(this.zmq.context, { linger: 0 }, (message) => {
      if (text(message).startsWith(probe)) heard = true;
      else published.add(text(message));
    });
    this.#t.after(() => sub.close());
    push.socket.connect(`${this.base}-in`);
    router.socket.connect(`${this.base}-in-stream`);
    sub.subscribe(Buffer.from(`${name} `));
    sub.subscribe(Buffer.from(probe));
    sub.connect(`${this.base}-out`);
    // Nobody tells that a subscription has got there but a packet that comes by it: so something is asked for that has an answer.
    while (!heard) {
      router.socket.send([...parts('zu', ''), requestPacket({ from: probe, type: 'keep-alive' })]);
      await turn();
    }
    return { push, router, published };
  }
}
