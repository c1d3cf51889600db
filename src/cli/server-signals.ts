import { StopSignals } from './stop-signals.ts';

/** What the signals of a server do, whatever its role. */
export interface SignalActions {
  /** SIGTERM and SIGINT: drains and stops. */
  readonly drain: (signal: string) => Promise<void>;
  /** SIGQUIT: leaves nothing behind that would hinder the next start. The process ends after it. */
  readonly quit: () => void;
  /** SIGUSR1, and SIGHUP: opens the log files again. */
  readonly reopenLogs: () => void;
  /** SIGHUP, beside what the role itself does. */
  readonly hangUp: () => void;
  /** SIGUSR2: another process takes the place of this one. */
  readonly upgrade: () => void;
}

/**
 * Has the signals do what operators know from other servers. Signals of an action that takes time may come again meanwhile. SIGUSR1 opens no debugger, as it
 * does in a Node process that has no listener for it.
 */
export function onServerSignals({ drain, quit, reopenLogs, hangUp, upgrade }: SignalActions): void {
  const stops = new StopSignals({
    stop: drain,
    exit: (code) => process.exit(code),
    now: () => performance.now(),
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stops.receive(signal));
  process.on('SIGQUIT', () => {
    quit();
    process.exit(0);
  });
  process.on('SIGUSR1', reopenLogs);
  process.on('SIGHUP', () => {
    reopenLogs();
    hangUp();
  });
  process.on('SIGUSR2', upgrade);
}
