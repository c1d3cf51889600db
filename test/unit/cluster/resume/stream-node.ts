import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { TimerWheel } from '../../../../src/clock/index.ts';
import { Broker } from '../../../../src/cluster/broker.ts';
import { SharedStreams } from '../../../../src/cluster/resume/shared-streams.ts';
import { ClusterCounters, Counters } from '../../../../src/exchange/index.ts';
import {
  BEGINNING,
  formatEventId,
  parseEventId,
  type ResumableStream,
  ResumableStreams,
  resumeRequest,
} from '../../../../src/resume/index.ts';
import { FakeRequester } from '../../../support/exchange/fake-requester.ts';
import { requestHead } from '../../../support/exchange/request-head.ts';
import { FakeLog } from '../../../support/fake-log.ts';
import { type NatsServer, startNats } from '../../../support/nats.ts';

export const OWNER = { method: 'POST', url: 'here', rights: 'mine' };

const HEADERS = ['Content-Type', 'text/event-stream', 'X-Of', 'origin'];

/** An origin, as a stream sees it. */
export class StreamOrigin {
  readonly stream: ResumableStream;
  readonly id: string;
  granted = 0;
  cancelled = false;

  constructor(streams: ResumableStreams, rules = { ttl: 60, maxBytes: 65_536 }) {
    this.id = streams.newId() ?? assert.fail('there is no room');
    const head = { status: 200, reason: 'OK', headers: HEADERS, bodyLength: -1 };
    this.stream = streams.begin({ id: this.id, owner: OWNER, head, rules, origin: this, granted: 0 });
  }

  grant(bytes: number): void {
    this.granted += bytes;
  }

  cancel(): void {
    this.cancelled = true;
  }

  /** Sends events with this data. */
  send(...data: readonly string[]): void {
    this.stream.take(Buffer.from(data.map((each) => `data: ${each}\n\n`).join('')), true);
  }

  end(): void {
    this.stream.take(Buffer.alloc(0), false);
  }

  /** A client that reads at the node of the stream, and takes all. */
  read(): FakeRequester {
    const client = new StreamClient();
    client.onResponse(this.stream.head);
    client.responder = this.stream.open(client, client.window, BEGINNING);
    return client;
  }

  /** All that its log has. */
  get text(): string {
    const { log } = this.stream;
    return log.textAt(log.start, log.size);
  }

  /** What its log has from the event with this data on. */
  textFrom(data: string): string {
    return this.text.slice(this.text.indexOf(`data: ${data}`));
  }
}

/** A client that takes all there is, or only what the test lets it take. */
export class StreamClient extends FakeRequester {
  readonly window: number;

  constructor(window = 65_536, greedy = true) {
    super(window);
    this.window = window;
    this.greedy = greedy;
  }

  readonly greedy: boolean;

  override onResponseData(chunk: Buffer, more: boolean): void {
    super.onResponseData(chunk, more);
    if (this.greedy && more && chunk.length > 0) this.grant(chunk.length);
  }
}

/** What a node of a test may have otherwise. */
export interface StreamNodeOptions {
  readonly maxBytes?: number;
  readonly maxAge?: number;
  readonly replicas?: number;
}

/** A node's streams, shared by a real broker. */
export class StreamNode {
  readonly streams: ResumableStreams;
  readonly shared: SharedStreams;
  readonly broker: Broker;
  readonly counters: ClusterCounters;
  readonly log: FakeLog;

  private constructor(parts: Pick<StreamNode, 'streams' | 'shared' | 'broker' | 'counters' | 'log'>) {
    this.streams = parts.streams;
    this.shared = parts.shared;
    this.broker = parts.broker;
    this.counters = parts.counters;
    this.log = parts.log;
  }

  /** @param nats one server, or some that are one cluster */
  static async open(
    t: TestContext,
    nats: NatsServer | readonly NatsServer[],
    options: StreamNodeOptions = {},
  ): Promise<StreamNode> {
    const { maxBytes = 67_108_864, maxAge = 120, replicas = 1 } = options;
    const servers = [nats].flat().map(({ url }) => url);
    const [log, counters, wheel] = [new FakeLog(), new ClusterCounters(), new TimerWheel()];
    t.after(() => wheel.stop());
    const broker = await Broker.connect({ servers, name: 'node', access: {}, tls: null, log });
    t.after(() => broker.close());
    const streams = new ResumableStreams({
      wheel,
      counters: new Counters(),
      log,
      maxBytes: { current: 67_108_864 },
    });
    const means = { broker, streams, wheel, log, counters };
    const shared = await SharedStreams.start({ ...means, prefix: 'test', replicas, maxBytes, maxAge });
    t.after(() => shared.stop());
    return new StreamNode({ streams, shared, broker, counters, log });
  }

  begin(rules = { ttl: 60, maxBytes: 65_536 }): StreamOrigin {
    return new StreamOrigin(this.streams, rules);
  }

  /** A client comes back to this node. @param position of the event that it has last */
  back(stream: string, position: number, rights = OWNER.rights, client = new StreamClient()): StreamClient {
    const event = parseEventId(formatEventId({ stream, position })) ?? assert.fail('no id');
    const request = resumeRequest(event, { ...OWNER, rights }, requestHead({ credits: client.window }));
    client.responder = this.shared.service(request, client);
    return client;
  }
}

/** Starts a broker and two nodes. Null where there is no broker: the test is skipped. */
export async function twoNodes(
  t: TestContext,
): Promise<{ readonly nats: NatsServer; readonly a: StreamNode; readonly b: StreamNode } | null> {
  const nats = await startNats(t);
  return nats && { nats, a: await StreamNode.open(t, nats), b: await StreamNode.open(t, nats) };
}

/** The positions of the events of a text. */
export function positionsIn(text: string): number[] {
  return [...text.matchAll(/^id: .*\.(\d+)$/gm)].map((match) => Number(match[1]));
}
