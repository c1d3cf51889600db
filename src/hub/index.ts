export { type HoldOptions, Hub, type HubStats } from './hub.ts';
export type { HubLimits, HubOptions, PatchBody } from './hub-options.ts';
export type { FormerHold, Replay } from './response-hold.ts';
