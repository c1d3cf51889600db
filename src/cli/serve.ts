import { App, type FetchPlan } from '../app/index.ts';
import type { Config } from '../config/index.ts';
import type { Log } from '../exchange/index.ts';
import { CliError, FAILURE, reasonOf } from './cli-error.ts';
import { StopSignals } from './stop-signals.ts';

/**
 * Starts the program in this process, which ends when a signal asks for it.
 * @param fetchPlans as for `App.start`
 * @throws CliError when it cannot start
 */
export async function serve(config: Config, log: Log, fetchPlans?: readonly FetchPlan[]): Promise<App> {
  // Rejections that nobody handles arrive here too. The state is unknown from then on, so nothing goes on.
  process.on('uncaughtException', (error: unknown) => {
    log.error({ stack: error instanceof Error ? error.stack : String(error) }, 'uncaught exception, the process ends');
    process.exit(FAILURE);
  });
  const starting = start(config, log, fetchPlans);
  const signals = new StopSignals({
    // A signal may come as soon as anybody can see that the program runs, so it is heard from the beginning.
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

async function start(config: Config, log: Log, fetchPlans?: readonly FetchPlan[]): Promise<App> {
  try {
    return await App.start(config, log, fetchPlans);
  } catch (error) {
    log.debug({ stack: error instanceof Error ? error.stack : null }, 'start failed');
    throw new CliError(reasonOf(error));
  }
}
