import { App, type FetchPlan, type ProcessLog } from '../app/index.ts';
import { onUnhandledFault } from '../clock/index.ts';
import type { Config } from '../config/index.ts';
import { CliError, FAILURE, reasonOf } from './cli-error.ts';
import { StopSignals } from './stop-signals.ts';

/**
 * Runs the server in this process until a signal stops it.
 * @param fetchPlans as for `App.start`
 * @throws CliError when it cannot start
 */
export async function serve(config: Config, log: ProcessLog, fetchPlans?: readonly FetchPlan[]): Promise<App> {
  // The handling of a fault failed itself. That connection or exchange is lost, and the others go on.
  onUnhandledFault((thrown) => log.error({ stack: stackOf(thrown) }, 'unhandled fault'));
  // The last resort, also for unhandled rejections. The state is unknown, so the process ends.
  process.on('uncaughtException', (error: unknown) => {
    log.error({ stack: stackOf(error) }, 'uncaught exception: the process ends');
    process.exit(FAILURE);
  });
  const starting = start(config, log, fetchPlans);
  const signals = new StopSignals({
    // A signal may arrive at any time, so the handlers are set first.
    stop: async (signal) => {
      log.info({ signal }, 'stopping');
      const app = await starting.catch(() => null);
      await app?.stop();
    },
    exit: (code) => process.exit(code),
    now: () => performance.now(),
  });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) process.on(signal, () => signals.receive(signal));
  return starting;
}

async function start(config: Config, log: ProcessLog, fetchPlans?: readonly FetchPlan[]): Promise<App> {
  try {
    const app = await App.start(config, log, fetchPlans);
    app.registry.add('log', log.counters);
    return app;
  } catch (error) {
    log.error({ reason: reasonOf(error) }, 'cannot start');
    log.debug({ stack: error instanceof Error ? error.stack : null }, 'start failed');
    throw new CliError(reasonOf(error));
  }
}

function stackOf(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
}
