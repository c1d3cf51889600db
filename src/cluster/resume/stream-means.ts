import type { TimerWheel } from '../../clock/index.ts';
import type { ClusterCounters, Log } from '../../exchange/index.ts';
import type { Broker } from '../broker.ts';
import type { Subjects } from '../subjects.ts';
import type { ResumeStore } from './resume-store.ts';

/** What the parts of shared streams are made of. */
export interface StreamMeans {
  readonly broker: Broker;
  readonly subjects: Subjects;
  readonly store: ResumeStore;
  readonly wheel: TimerWheel;
  readonly log: Log;
  readonly counters: ClusterCounters;
}
