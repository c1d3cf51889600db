import type { TestContext } from 'node:test';
import { TimerWheel } from '../../../src/clock/index.ts';
import { DEFAULT_ZHTTP_LIMITS } from '../../../src/codec/zhttp/index.ts';
import { SessionCounters } from '../../../src/zhttp/index.ts';
import { type HandlerLinkSink, StreamClient, type StreamClientOptions } from '../../../src/zhttp-client/index.ts';
import { RecordingRequester } from '../exchange/recording-requester.ts';
import { type RequestFields, requestHead } from '../exchange/request-head.ts';
import { FakeLog } from '../fake-log.ts';
import { manualClock } from '../manual-clock.ts';
import { FakeHandlerLink } from './fake-handler-link.ts';

/** One client's exchange with the session that it has become. */
export interface Opened {
  readonly client: RecordingRequester;
  /** Id of the session. */
  readonly id: string;
}

/** An edge between clients and handlers that the test plays, with a clock that the test moves. Ids of sessions begin with `e-`, that of the first is `e-0-0`. */
export class EdgeRig {
  readonly counters = new SessionCounters();
  readonly log = new FakeLog(false);
  readonly wheel = new TimerWheel();
  readonly edge: StreamClient;
  readonly link: FakeHandlerLink;

  constructor(changes: Partial<StreamClientOptions> = {}) {
    let link: FakeHandlerLink | undefined;
    const options: StreamClientOptions = {
      address: 'c1',
      idPrefix: 'e',
      initialCredits: 8_192,
      sessionTimeout: 60_000,
      streamTimeout: 1_800_000,
      routerResp: false,
      limits: { ...DEFAULT_ZHTTP_LIMITS, maxHeaders: 64 },
      wheel: this.wheel,
      counters: this.counters,
      log: this.log,
      ...changes,
    };
    this.edge = new StreamClient(options, (sink: HandlerLinkSink) => {
      link = new FakeHandlerLink(sink);
      return link;
    });
    this.link = link as FakeHandlerLink;
  }

  /** Makes a request. */
  request(fields: RequestFields = {}): Opened {
    const client = new RecordingRequester(requestHead(fields));
    client.responder = this.edge.service(client.request, client);
    return { client, id: this.#lastId };
  }

  /** Asks for a WebSocket. */
  webSocket(fields: RequestFields = {}): Opened {
    const client = new RecordingRequester(requestHead({ scheme: 'ws', ...fields }));
    client.responder = this.edge.webSocketService(client.request, client);
    return { client, id: this.#lastId };
  }

  /** A WebSocket that the handler has accepted with so many credits; what that has caused is not kept. */
  openWebSocket(credits = 1_000, fields: RequestFields = {}): Opened {
    const opened = this.webSocket(fields);
    this.link.respond(opened.id, { code: 101, credits });
    opened.client.take();
    return opened;
  }

  get #lastId(): string {
    return this.link.offered.at(-1)?.ids[0]?.id ?? '';
  }
}

/** The clock of each test, which all its edges share. */
const clocks = new WeakMap<TestContext, (seconds: number) => void>();

/** An edge on a stopped clock, and what moves that by seconds. */
export function edgeRig(
  t: TestContext,
  changes: Partial<StreamClientOptions> = {},
): EdgeRig & { readonly advance: (seconds: number) => void } {
  const advance = clocks.get(t) ?? manualClock(t);
  clocks.set(t, advance);
  const rig = new EdgeRig(changes);
  t.after(() => rig.wheel.stop());
  return Object.assign(rig, { advance });
}
