import {
  App,
  type ConfigOrigin,
  type FetchPlan,
  OldProcess,
  type ProcessLog,
  ServiceManager,
  takesClients,
} from '../app/index.ts';
import { onUnhandledFault } from '../clock/index.ts';
import type { Config } from '../config/index.ts';
import { type Log, stackOf, systemErrorText } from '../exchange/index.ts';
import { activatedSockets, listeningSockets } from '../net/index.ts';
import { CliError, FAILURE, reasonOf } from './cli-error.ts';
import { onServerSignals } from './server-signals.ts';
import { StopSignals } from './stop-signals.ts';

/**
 * Runs the server in this process until a signal stops it, or another process has taken its place.
 * @param fetchPlans as for `App.start`
 * @param origin as for `App.start`
 * @throws CliError when it cannot start
 */
export async function serve(
  config: Config,
  log: ProcessLog,
  fetchPlans?: readonly FetchPlan[],
  origin: ConfigOrigin | null = null,
): Promise<App> {
  const service = new ServiceManager(process.env, log);
  const old = OldProcess.from(process.env);
  let app: App | null = null;
  /** SIGHUP came while another process was taking over: that one has read the configuration before. */
  let reloadThere = false;
  const abandon = new AbortController();
  const starting = start(config, log, fetchPlans, origin, old, abandon.signal);
  // Nobody may read standard error, where the reason is too.
  starting.catch((error: unknown) => log.error({ reason: reasonOf(error) }, 'cannot start'));
  // A signal may arrive at any time, so the handlers are set before anything is awaited.
  onServerSignals({
    drain: async (signal) => {
      log.info({ signal }, 'stopping');
      abandon.abort();
      const told = service.stopping();
      await (await starting.catch(() => null))?.stop();
      await told;
    },
    quit: () => {
      log.info({ signal: 'SIGQUIT' }, 'stopping at once');
      service.quitting();
      app?.quit();
    },
    reopenLogs: () => reopenLogs(app, log),
    hangUp: () => {
      reloadThere = app?.upgrader.running === true;
    },
    upgrade: () => {
      if (app === null) log.warn({ reason: 'the server is starting' }, 'upgrade refused');
      // The log says why there is none.
      else app.upgrader.upgrade().catch(() => {});
    },
  });
  app = await starting;
  const running = app;
  running.onReplaced = (pid) => {
    service.release();
    if (reloadThere) process.kill(pid, 'SIGHUP');
    void running.finish().then(() => process.exit(0));
  };
  old?.ready();
  // Before that the old process may go on as the main one.
  void (old?.done ?? Promise.resolve()).then(() => {
    service.ready();
    if (running.reloads === null) return;
    running.reloads.reloader.onReloading = (reloading) => {
      if (reloading) service.reloading();
      else service.ready();
    };
  });
  return app;
}

/**
 * Runs the server for somebody at a terminal, until SIGTERM or SIGINT: other signals do what they do to any program.
 * @throws CliError when it cannot start
 */
export function serveHere(config: Config, log: ProcessLog): Promise<App> {
  const starting = start(config, log, undefined, null, null);
  const stops = new StopSignals({
    stop: async (signal) => {
      log.info({ signal }, 'stopping');
      await (await starting.catch(() => null))?.stop();
    },
    exit: (code) => process.exit(code),
    now: () => performance.now(),
  });
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) process.on(signal, () => stops.receive(signal));
  return starting;
}

async function start(
  config: Config,
  log: ProcessLog,
  fetchPlans: readonly FetchPlan[] | undefined,
  origin: ConfigOrigin | null,
  old: OldProcess | null,
  abandon: AbortSignal | null = null,
): Promise<App> {
  // The handling of a fault failed itself. That connection or exchange is lost, and the others go on.
  onUnhandledFault((thrown) => log.error({ stack: stackOf(thrown) }, 'unhandled fault'));
  // The last resort, also for unhandled rejections. The state is unknown, so the process ends.
  process.on('uncaughtException', (error: unknown) => {
    log.error({ stack: stackOf(error) }, 'uncaught exception: the process ends');
    process.exit(FAILURE);
  });
  try {
    if (old === null) takeActivated(log);
    else await old.begin(log, takesClients(config));
    const app = await App.start(config, log, fetchPlans, origin, old, abandon);
    app.counters.registry.add('log', log.counters);
    closeUntaken(log);
    return app;
  } catch (error) {
    log.debug({ stack: error instanceof Error ? error.stack : null }, 'start failed');
    await old?.failed(reasonOf(error));
    throw new CliError(reasonOf(error));
  }
}

/** Takes the sockets that the service manager listens on. */
function takeActivated(log: Log): void {
  const sockets = activatedSockets(process.env);
  if (sockets.length === 0) return;
  listeningSockets.accept(sockets);
  const addresses = sockets.map(({ address, name }) => (name === '' ? address : `${address} (${name})`));
  log.info({ addresses }, 'listening sockets passed by the service manager');
}

/** What nobody listens on any more, as the configuration has changed, or never did. */
function closeUntaken(log: Log): void {
  const addresses = listeningSockets.closeUntaken();
  if (addresses.length > 0) log.warn({ addresses }, 'listening sockets closed that no role is configured for');
}

function reopenLogs(app: App | null, log: ProcessLog): void {
  try {
    log.file?.reopen();
    if (log.file !== null) log.info({}, 'log file reopened');
    app?.reopenLog();
  } catch (error) {
    log.error({ reason: systemErrorText(error) }, 'cannot reopen the log file');
  }
}
