export { RouterOutbox } from './router-outbox.ts';
export { BridgeCounters } from './session-counters.ts';
export { SessionTable } from './session-table.ts';
export { Slots } from './slots.ts';
