import type { TestContext } from 'node:test';
import { TimerWheel } from '../../../src/clock/index.ts';
import type { Broker, BrokerMessage } from '../../../src/cluster/broker.ts';
import type { ResumeStore } from '../../../src/cluster/resume-store.ts';
import type { StreamMeans } from '../../../src/cluster/stream-writers.ts';
import { Subjects } from '../../../src/cluster/subjects.ts';
import { ClusterCounters, Counters } from '../../../src/exchange/index.ts';
import { ResumableStreams } from '../../../src/resume/index.ts';
import { FakeLog } from '../../support/fake-log.ts';

/** A message that was published. */
export interface Published {
  readonly subject: string;
  readonly data: Buffer;
  readonly reply: string;
}

/** A broker that does nothing but what the test says. */
export class FakeBroker {
  up = true;
  maxPayload = 1_048_576;
  readonly published: Published[] = [];
  readonly #subscriptions = new Map<string, (message: BrokerMessage) => void>();

  publish(subject: string, data: Uint8Array, { reply = '' }: { readonly reply?: string } = {}): boolean {
    if (this.up) this.published.push({ subject, data: Buffer.from(data), reply });
    return this.up;
  }

  subscribe(subject: string, onMessage: (message: BrokerMessage) => void): { unsubscribe(): void } {
    const key = subject.replace(/\*$/, '');
    this.#subscriptions.set(key, onMessage);
    return { unsubscribe: () => this.#subscriptions.delete(key) };
  }

  /** A message comes. @param to where the subscription is, if that is not its subject */
  deliver(subject: string, data: string | Buffer, reply = '', to = subject): void {
    for (const [key, onMessage] of [...this.#subscriptions]) {
      if (to === key || (key.endsWith('.') && to.startsWith(key))) {
        onMessage({ subject, data: Buffer.from(data as string), reply });
      }
    }
  }

  /** The messages that were published since the last time. */
  take(): Published[] {
    return this.published.splice(0);
  }
}

/** A store that nobody has to look into. */
export interface FakeStore {
  readonly head?: () => Promise<unknown>;
  readonly last?: () => Promise<unknown>;
  readonly addConsumer?: () => Promise<unknown>;
  readonly remove?: () => Promise<void>;
}

/** What shared streams are made of, and the streams of the process. */
export function fakeMeans(t: TestContext, store: FakeStore = {}) {
  const wheel = new TimerWheel();
  t.after(() => wheel.stop());
  const [log, counters, broker] = [new FakeLog(), new ClusterCounters(), new FakeBroker()];
  const streams = new ResumableStreams({
    wheel,
    counters: new Counters(),
    log,
    maxBytes: { current: 1_000_000_000 },
  });
  const means: StreamMeans = {
    broker: broker as unknown as Broker,
    subjects: new Subjects('test'),
    store: { name: 'test_resume', maxAge: 120, deleteConsumer: async () => {}, ...store } as unknown as ResumeStore,
    wheel,
    log,
    counters,
  };
  return { broker, streams, means, counters, log };
}
