import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { TimerWheel } from '../../../src/clock/index.ts';
import { DEFAULT_ZHTTP_LIMITS } from '../../../src/codec/zhttp/index.ts';
import { SessionCounters } from '../../../src/zhttp/index.ts';
import { ReqClient, type ReqClientOptions } from '../../../src/zhttp-client/index.ts';
import { RecordingRequester } from '../exchange/recording-requester.ts';
import { type RequestFields, requestHead } from '../exchange/request-head.ts';
import { FakeLog } from '../fake-log.ts';
import { manualClock } from '../manual-clock.ts';
import { FakeHandlerLink, type ResponseFields } from './fake-handler-link.ts';

/** An edge of req mode between clients and handlers that the test plays. Requests are `r-0-0`, `r-1-1` and so on. */
export class ReqRig {
  readonly counters = new SessionCounters();
  readonly log = new FakeLog(false);
  readonly advance: (seconds: number) => void;
  readonly edge: ReqClient;
  readonly link: FakeHandlerLink;

  constructor(t: TestContext, changes: Partial<ReqClientOptions> = {}) {
    this.advance = manualClock(t);
    const wheel = new TimerWheel();
    t.after(() => wheel.stop());
    let link: FakeHandlerLink | undefined;
    const options: ReqClientOptions = {
      idPrefix: 'r',
      maxBodyBytes: 100,
      requestTimeout: 30_000,
      limits: DEFAULT_ZHTTP_LIMITS,
      wheel,
      counters: this.counters,
      log: this.log,
      ...changes,
    };
    this.edge = new ReqClient(options, (sink) => {
      link = new FakeHandlerLink({
        ...bound(sink),
        onReady: () => {},
        onWithdrawn: () => {},
        onLost: () => assert.fail('nothing is lost in req mode'),
      });
      return link;
    });
    this.link = link as FakeHandlerLink;
  }

  request(fields: RequestFields = {}): RecordingRequester {
    const client = new RecordingRequester(requestHead(fields));
    client.responder = this.edge.service(client.request, client);
    return client;
  }

  /** Answers as handlers do in req mode: without address and number. */
  respond(id: string, fields: ResponseFields = {}): void {
    this.link.respondAll([[id, null]], { from: '', ...fields });
  }
}

function bound(sink: { onPacket(payload: Buffer): void; onRefused(id: string): void }) {
  return { onPacket: sink.onPacket.bind(sink), onRefused: sink.onRefused.bind(sink) };
}
