import fs from 'node:fs';
import { type Config, hasProxy } from '../config/index.ts';
import type { Log } from '../exchange/index.ts';
import type { FetchPlan } from './fetch-plan.ts';

/** How many files, sockets included, this process may have open; null where it is not known: on all systems but Linux. */
export function openFileLimit(): number | null {
  try {
    const limit = /^Max open files\s+(\d+)/m.exec(fs.readFileSync('/proc/self/limits', 'latin1'))?.[1];
    return limit === undefined ? null : Number(limit);
  } catch {
    return null;
  }
}

/**
 * How many descriptors this process has open, files and sockets; null where that is not known. Counting them one by one would take longer the
 * more there are. Linux has the number as the size of a folder since version 6.2. Elsewhere the lowest free descriptor says it, which is less than
 * the number only while there are gaps, for these are filled first.
 */
export function openFileCount(): number | null {
  try {
    const { size } = fs.statSync('/proc/self/fd');
    if (size > 0) return size;
    const free = fs.openSync('/dev/null', 'r');
    fs.closeSync(free);
    return free;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EMFILE' ? openFileLimit() : null;
  }
}

/** How many connections a configuration allows. Each request to an origin is one. */
export function wantedConnections(
  { server, edge }: Config,
  plans: readonly Pick<FetchPlan, 'maxOpenRequests'>[],
): number {
  return (
    (hasProxy(server) ? server.maxConnections : 0) +
    (edge.listen.length > 0 ? edge.reqMaxconn + edge.streamMaxconn : 0) +
    plans.reduce((sum, { maxOpenRequests }) => sum + maxOpenRequests, 0)
  );
}

/** Beyond the limit of open files the system refuses connections by itself, so a limit that is too low is reported at the start. */
export function checkOpenFiles(config: Config, plans: readonly FetchPlan[], log: Log): void {
  const wanted = wantedConnections(config, plans);
  const openFiles = openFileLimit();
  if (openFiles === null || openFiles >= wanted) return;
  const warning = `open-file limit (${openFiles}) is below max_connections (${wanted}): raise it (ulimit -n) or lower the maximum`;
  log.info({ openFiles, maxConnections: wanted }, warning);
}
