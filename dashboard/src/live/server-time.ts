import type { Status } from '../api/types.ts';

/** The time by the clock of the server, in milliseconds since 1970, with which its other times can be compared; ours until it is known. */
export function serverTime(status: Status | null): number {
  return status === null ? Date.now() : Date.parse(status.started) + status.uptime * 1000;
}
