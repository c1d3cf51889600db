import type { TestContext } from 'node:test';
import { TimerWheel } from '../../../../src/clock/index.ts';
import type { ResumeStore } from '../../../../src/cluster/resume/resume-store.ts';
import type { StreamMeans } from '../../../../src/cluster/resume/stream-means.ts';
import { Subjects } from '../../../../src/cluster/subjects.ts';
import { ClusterCounters, Counters } from '../../../../src/exchange/index.ts';
import { ResumableStreams } from '../../../../src/resume/index.ts';
import { FakeBroker } from '../../../support/cluster/fake-broker.ts';
import { FakeLog } from '../../../support/fake-log.ts';

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
  broker.maxPayload = 1_048_576;
  const streams = new ResumableStreams({
    wheel,
    counters: new Counters(),
    log,
    maxBytes: { current: 1_000_000_000 },
  });
  const means: StreamMeans = {
    broker: broker.asBroker,
    subjects: new Subjects('test'),
    store: { name: 'test_resume', maxAge: 120, deleteConsumer: async () => {}, ...store } as unknown as ResumeStore,
    wheel,
    log,
    counters,
  };
  return { broker, streams, means, counters, log };
}
