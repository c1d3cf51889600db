import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FetchPlan, FetchRole } from '../app/index.ts';
import { TimerWheel } from '../clock/index.ts';
import { type FetchEndpoints, parseFetchEndpoints } from '../config/index.ts';
import { type Log, OriginCounters, silentLog } from '../exchange/index.ts';
import { SessionCounters } from '../zhttp/index.ts';
import { ZmqCounters } from '../zmq/index.ts';

/** A fetch role in this process. */
export interface LocalFetch {
  readonly endpoints: FetchEndpoints;
  /** Why the last request failed; null if none did. */
  readonly failure: string | null;
  readonly stop: () => Promise<void>;
}

/**
 * Starts the server's fetch role for this process alone, at endpoints in a temporary folder.
 * @param plan everything except the endpoints
 * @throws Error when it cannot start
 */
export async function startLocalFetch(plan: FetchPlan): Promise<LocalFetch> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-'));
  const endpoints = parseFetchEndpoints(`ipc://${folder}/fetch`);
  const wheel = new TimerWheel();
  let role: FetchRole | null = null;
  let failure: string | null = null;
  const log: Log = { ...silentLog, warn: note, error: note };
  function note({ detail }: Record<string, unknown>, message: string): void {
    if (message === 'request failed') failure = String(detail ?? '') || null;
  }
  // Also if the response is not read to its end, so that the process ends at once.
  const clean = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', clean);
  const stop = async () => {
    await role?.stop();
    wheel.stop();
    clean();
    process.off('exit', clean);
  };
  try {
    role = new FetchRole({
      observer: { current: null },
      plans: [{ ...plan, stream: [endpoints], req: [], connect: false }],
      wheel,
      log,
      clientCounters: new OriginCounters(),
      counters: new SessionCounters(),
      zmqCounters: new ZmqCounters(),
    });
    await role.start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    endpoints,
    get failure() {
      return failure;
    },
    stop,
  };
}
