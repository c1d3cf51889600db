import { type ControlBackend, OperationError } from '../control/index.ts';
import { UpgradeError } from './upgrade/started-process.ts';
import type { Upgrader } from './upgrade/upgrader.ts';

/** The upgrade for the control API. The caller is told why it is refused. */
export function upgradeBackend(upgrader: Upgrader): NonNullable<ControlBackend['upgrade']> {
  return async () => {
    try {
      return await upgrader.upgrade();
    } catch (error) {
      if (error instanceof UpgradeError) throw new OperationError('HF_CONTROL_CONFLICT', error.message);
      throw error;
    }
  };
}
