import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { mongrel2Limits } from '../../../src/app/mongrel2-limits.ts';
import { TimerWheel } from '../../../src/clock/index.ts';
import {
  encodeAnswers,
  encodeControls,
  type HandlerMessage,
  parseHandlerMessage,
} from '../../../src/codec/mongrel2/index.ts';
import type { Mongrel2Handler, Mongrel2Route, Mongrel2Settings } from '../../../src/config/index.ts';
import { type ExchangeRecord, OriginCounters, ServerCounters, type Service } from '../../../src/exchange/index.ts';
import {
  fixedResponse,
  Mongrel2Counters,
  Mongrel2Service,
  type Mongrel2ServiceOptions,
} from '../../../src/mongrel2/index.ts';
import type { ListenAddress } from '../../../src/net/index.ts';
import { HttpServer, type ServerLimits, type Tracing } from '../../../src/server/index.ts';
import { PubSocket, PullSocket, ZmqCounters } from '../../../src/zmq/index.ts';
import { FakeLog } from '../fake-log.ts';
import { turn } from '../manual-clock.ts';
import { connectTo, type RawClient } from '../raw-client.ts';
import { unixAddress } from '../running-server.ts';
import { Arrivals } from '../zmq/zmq-rig.ts';
import { handlerOf, siteOf } from './site.ts';

/** What a test wants of its site. */
export interface SiteChanges
  extends Partial<
    Pick<Mongrel2ServiceOptions, 'maxClientBytes' | 'maxHeldBytes' | 'maxInputBytes' | 'maxWaitingBytes'>
  > {
  readonly settings?: Partial<Mongrel2Settings>;
  /** Default: one at `/h`. */
  readonly routes?: readonly Mongrel2Route[];
  readonly limits?: Partial<ServerLimits>;
  /** What takes the requests of targets that are no handlers. */
  readonly service?: Service;
  /** Takes the lines of the access log. Default: none is kept. */
  readonly accessLines?: string[];
  /** Takes the records of requests. Default: there are none. */
  readonly records?: ExchangeRecord[];
  /** How requests take part in traces. Default: not at all. */
  readonly tracing?: Tracing;
  /** Listens on a unix socket, for which the kernel buffers little. */
  readonly unix?: boolean;
}

/** A handler process that does only what the test says. */
export class TestHandler {
  /** What the server has sent it. */
  readonly messages = new Arrivals<HandlerMessage>();
  /** The same, as it came. */
  readonly texts: string[] = [];
  readonly pull: PullSocket;
  readonly pub: PubSocket;

  constructor(rig: SiteRig) {
    const context = { wheel: rig.wheel, counters: rig.zmq, log: rig.log };
    this.pull = new PullSocket(context, { linger: 0, receiveHwm: 1, receiveBytes: 1 }, (parts) => {
      const message = parts[0] as Buffer;
      this.texts.push(message.toString('latin1'));
      this.messages.add(parseHandlerMessage(message));
    });
    this.pub = new PubSocket(context, { linger: 0 });
  }

  next(): Promise<HandlerMessage> {
    return this.messages.next();
  }

  /** The next message, which has to be the notice that a connection is gone. Returns its number. */
  async nextGone(): Promise<number> {
    const { id, path, body } = await this.next();
    assert.deepEqual([path, body.toString()], ['@*', '{"type":"disconnect"}']);
    return id;
  }

  /** Answers to connections; the text is latin1. */
  answer(ids: number | readonly number[], body: string | Buffer, uuid = 'SERVER'): void {
    for (const message of encodeAnswers(uuid, [ids].flat(), Buffer.from(body as string, 'latin1'))) this.#send(message);
  }

  control(ids: number | readonly number[], request: Parameters<typeof encodeControls>[2]): void {
    for (const message of encodeControls('SERVER', [ids].flat(), request)) this.#send(message);
  }

  /** Publishes bytes as they are. */
  publish(bytes: string | Buffer): void {
    this.pub.send([Buffer.from(bytes as string, 'latin1')]);
  }

  #send(pieces: readonly Buffer[]): void {
    this.pub.send([Buffer.concat(pieces)]);
  }

  async close(): Promise<void> {
    await Promise.all([this.pull.close(), this.pub.close()]);
  }
}

/** A site with all around it; it ends with the test. */
export class SiteRig {
  readonly wheel = new TimerWheel();
  readonly log = new FakeLog();
  readonly counters = new Mongrel2Counters();
  readonly serverCounters = new ServerCounters();
  /** Of handlers and site alike. */
  readonly zmq = new ZmqCounters();
  readonly site: Mongrel2Service;
  readonly server: HttpServer;
  address = '';
  readonly #t: TestContext;

  constructor(t: TestContext, changes: SiteChanges) {
    const {
      settings,
      routes = [{ path: '/h', target: handlerOf() }],
      limits,
      service,
      accessLines,
      records,
      tracing = null,
      unix: _,
      ...bounds
    } = changes;
    const server = siteOf(routes, settings);
    const { wheel, log } = this;
    this.#t = t;
    this.site = new Mongrel2Service({
      ...bounds,
      server,
      serviceOf: () => service ?? assert.fail('no service'),
      wheel,
      log,
      counters: this.counters,
      clientCounters: new OriginCounters(),
      accessLog: accessLines === undefined ? null : { write: (line) => void accessLines.push(line) },
      zmqCounters: this.zmq,
    });
    this.server = new HttpServer({
      service: this.site.service,
      rawService: this.site.rawService,
      limits: { current: { ...mongrel2Limits(server.settings), ...limits } },
      describeError: fixedResponse,
      observer: { current: records === undefined ? null : { onExchangeEnd: (record) => void records.push(record) } },
      tracing: { current: tracing },
      wheel,
      log,
      counters: this.serverCounters,
    });
    t.after(async () => {
      this.server.drain();
      this.server.destroy();
      await this.server.whenEmpty();
      await this.site.stop();
      wheel.stop();
    });
  }

  async open(address: ListenAddress): Promise<this> {
    await this.site.open();
    this.address = (await this.server.listen(address)).address;
    return this;
  }

  connect(): Promise<RawClient> {
    return connectTo(this.#t, this.address);
  }

  /** Connects another process of a handler, and waits until the site can send to it and hears it. */
  async handler(target?: Mongrel2Handler): Promise<TestHandler> {
    const sockets = this.site.handlers.find(({ handler }) => target === undefined || handler === target);
    const { send, recv } = (sockets ?? assert.fail('no such handler')).endpoints;
    const handler = new TestHandler(this);
    this.#t.after(() => handler.close());
    const before = this.zmq.peersConnected;
    handler.pull.connect(send);
    handler.pub.connect(recv);
    // Both ends of two connections.
    while (this.zmq.peersConnected < before + 4 || handler.pub.subscribers === 0 || !handler.pub.reaches('SERVER'))
      await turn();
    return handler;
  }

  /** Sends a request, and waits until the handler has it. */
  async ask(
    handler: TestHandler,
    text = 'GET /h HTTP/1.1\r\nHost: localhost\r\n\r\n',
  ): Promise<{ client: RawClient; id: number }> {
    const client = await this.connect();
    client.write(text);
    return { client, id: (await handler.next()).id };
  }
}

/** Starts a site on a free port. */
export function startSite(t: TestContext, changes: SiteChanges = {}): Promise<SiteRig> {
  const address = changes.unix === true ? unixAddress(t) : siteOf([]).listen;
  return new SiteRig(t, changes).open(address);
}
