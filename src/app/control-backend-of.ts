import type { ControlBackend } from '../control/index.ts';
import { EventLoopLag } from './event-loop-lag.ts';
import { type StatusSources, statusOf } from './status-of.ts';

/** What of the program the control API shows and changes. */
export interface ControlParts {
  /** What the status is read from, now. */
  readonly statusSources: () => StatusSources;
}

/** What the operations of the control API need of this program. Each concern is in a file of its own; here they come together. */
export function controlBackendOf({ statusSources }: ControlParts): ControlBackend {
  const lag = new EventLoopLag();
  return {
    life: () => statusSources().state,
    status: () => statusOf(statusSources(), lag.quantiles),
  };
}
