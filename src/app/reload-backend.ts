import type { ControlBackend, Life } from '../control/index.ts';
import { ReloadError } from './config-source.ts';
import { checkLasts } from './live-changes.ts';
import type { Reloader } from './reloader.ts';

/** What the control API needs to reload. */
export function reloadBackend(reloader: Reloader, life: () => Life): NonNullable<ControlBackend['reload']> {
  return async () => {
    checkLasts(life());
    try {
      const { changed, needsRestart } = await reloader.reload('control');
      return { changed: changed.map((change) => ({ ...change })), needsRestart: [...needsRestart] };
    } catch (error) {
      if (!(error instanceof ReloadError)) throw error;
      return {
        errors: error.issues.map(({ file, line, key, message }) => ({
          file: file || null,
          line,
          key: key || null,
          message,
        })),
      };
    }
  };
}
