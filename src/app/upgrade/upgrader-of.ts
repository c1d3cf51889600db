import type { Life } from '../../control/index.ts';
import type { FaultReport, Log } from '../../exchange/index.ts';
import type { OldSide } from './hand-over.ts';
import type { OldProcess } from './old-process.ts';
import { Upgrader } from './upgrader.ts';

/** A program that can be replaced while it runs. */
export interface Upgradable {
  state: Life;
  /** Is called with the id of the process that has replaced this one; null: this one cannot be replaced. */
  readonly onReplaced: ((pid: number) => void) | null;
  /** Why it cannot be replaced, whatever its state; null where nothing is against it. */
  readonly upgradeHindrance: string | null;
  /** Stops accepting. */
  retire(): void;
}

/**
 * What replaces the process of `app`.
 * @param old the process that this one has replaced itself; null for none
 * @param sides what is given over
 */
export function upgraderOf(
  app: Upgradable,
  old: OldProcess | null,
  sides: readonly OldSide[],
  means: { readonly log: Log; readonly counters: FaultReport['counters'] },
): Upgrader {
  return new Upgrader({
    ...means,
    sides,
    hindrance: () => {
      if (app.onReplaced === null) return 'this command cannot be upgraded';
      if (app.upgradeHindrance !== null) return app.upgradeHindrance;
      if (app.state !== 'ready') return `the server is ${app.state}`;
      if (old?.runs !== true) return null;
      return 'the process before this one still finishes what its clients began: try again when it has ended, after upgrade_timeout at the latest';
    },
    onState: (upgrading) => {
      if (upgrading) app.state = 'upgrading';
      // It may have been stopped meanwhile.
      else if (app.state === 'upgrading') app.state = 'ready';
    },
    onDone: (pid) => {
      app.retire();
      app.onReplaced?.(pid);
    },
  });
}
