import type { StreamInfo } from '@nats-io/jetstream';
import type { Log } from '../exchange/index.ts';
import { Broker, type BrokerOptions } from './broker.ts';
import { BrokerError } from './broker-error.ts';
import { streamInfo } from './find-stream.ts';
import { openStream } from './open-stream.ts';
import { differencesOf, type StreamSettings, wantedStream } from './stream-settings.ts';
import { Subjects } from './subjects.ts';

/** What a broker is like. */
export interface BrokerReport {
  /** `HOST:PORT` of the server that has answered. */
  readonly server: string;
  /** Of nats-server. */
  readonly version: string;
  /** Bytes of a message at most. */
  readonly maxPayload: number;
  /** Why channels can have no histories; null if they can. */
  readonly noJetStream: string | null;
  /** How the stream of the cluster differs from what it must be; null if there is none yet. */
  readonly differences: readonly string[] | null;
  /** Milliseconds that the clock of the broker is ahead of this one, to within the time of a question; null if it does not say. */
  readonly ahead: number | null;
}

/**
 * Looks at a broker, and changes nothing there.
 * @throws BrokerError when it cannot be reached
 */
export async function examineBroker(
  access: Omit<BrokerOptions, 'name' | 'log'>,
  prefix: string,
  settings: StreamSettings,
): Promise<BrokerReport> {
  const broker = await Broker.connect({ ...access, name: 'holdfast doctor', log: SILENT }, 0);
  try {
    const { server, maxPayload } = broker;
    const seen = { server, version: broker.connection.info?.version ?? '', maxPayload };
    const wanted = wantedStream(new Subjects(prefix), settings);
    try {
      const info = await openStream(broker, 'histories of channels', (manager) => streamInfo(manager, wanted.name), 0);
      if (info !== null && !hasLeader(info))
        throw new BrokerError(`stream ${wanted.name} keeps nothing: most of its servers are away`);
      const differences = info === null ? null : differencesOf(info.config, wanted);
      return { ...seen, noJetStream: null, differences, ahead: aheadOf(info) };
    } catch (error) {
      return { ...seen, noJetStream: (error as Error).message, differences: null, ahead: null };
    }
  } finally {
    await broker.close();
  }
}

/** Whether servers agree who leads the stream. A server by itself leads its own, and may not say so. */
function hasLeader({ cluster }: StreamInfo): boolean {
  return cluster === undefined || Boolean(cluster.leader);
}

/** What the broker says of a stream has its time. */
function aheadOf(info: StreamInfo | null): number | null {
  const { ts = '' } = (info ?? {}) as { readonly ts?: string };
  const time = Date.parse(ts);
  return Number.isNaN(time) ? null : time - Date.now();
}

const nothing = (): void => {};
const SILENT: Log = {
  error: nothing,
  warn: nothing,
  info: nothing,
  debug: nothing,
  infoEnabled: false,
  debugEnabled: false,
};
