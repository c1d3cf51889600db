export { CollectedBytes, type Collector, CROWDED_STALL } from './collected-bytes.ts';
export {
  FULL,
  READY,
  type Reach,
  RouterOutbox,
  type RouterOutboxOptions,
  UNKNOWN,
  UNKNOWN_PATIENCE,
} from './router-outbox.ts';
export { SessionCounters } from './session-counters.ts';
export { type KeptSession, SessionKeeper, type SessionKeeperOptions } from './session-keeper.ts';
export { SessionTable } from './session-table.ts';
export { Slots } from './slots.ts';
