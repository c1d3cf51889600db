import type { ControlBackend } from '../control/index.ts';
import type { ErrorCounts } from '../exchange/index.ts';
import { errorsOf } from './errors-of.ts';
import { type StatusSources, statusOf } from './status-of.ts';

/** What of the program the control API shows and changes. */
export interface ControlParts {
  /** Where the program is in its life. */
  readonly life: () => StatusSources['state'];
  /** What the status is read from, now. */
  readonly statusSources: () => StatusSources;
  /** Failures of all processes, now. */
  readonly errors: () => ErrorCounts;
}

/** What the operations of the control API need of this program. Each concern is in a file of its own; here they come together. */
export function controlBackendOf({ life, statusSources, errors }: ControlParts): ControlBackend {
  return {
    life,
    status: () => statusOf(statusSources()),
    errors: () => errorsOf(errors()),
  };
}
