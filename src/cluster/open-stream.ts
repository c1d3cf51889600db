import { setTimeout } from 'node:timers/promises';
import { JetStreamApiError, type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { TimeoutError } from '@nats-io/transport-node';
import type { Broker } from './broker.ts';
import { BrokerError } from './broker-error.ts';

/** Servers that have just begun to be a cluster do not answer, or refuse: milliseconds for which they are tried again, and between two tries. */
const [PATIENCE, AGAIN] = [30_000, 500];

/** The broker's code for too few servers. */
const NO_PEERS = 10_005;

/**
 * Opens a stream of JetStream, and tries again where that may be possible in a moment.
 * @param use what it is for, in the plural
 * @param patience milliseconds; 0 for one try
 * @throws BrokerError when the broker has no JetStream, or does not allow it, or when `open` says so
 */
export async function openStream<T>(
  { connection, abandon }: Broker,
  use: string,
  open: (manager: JetStreamManager) => Promise<T>,
  patience = PATIENCE,
): Promise<T> {
  const ends = performance.now() + patience;
  for (;;) {
    try {
      return await open(await jetstreamManager(connection, { checkAPI: false }));
    } catch (error) {
      if (error instanceof BrokerError) throw error;
      if (performance.now() >= ends || !isOfNow(error) || abandon?.aborted) throw new BrokerError(reasonOf(error, use));
    }
    await setTimeout(AGAIN, null, { ...(abandon && { signal: abandon }) }).catch(() => {});
  }
}

/** Whether the same may be possible in a moment. */
function isOfNow(error: unknown): boolean {
  if (error instanceof TimeoutError) return true;
  return error instanceof JetStreamApiError && (error.status === 503 || error.code === NO_PEERS);
}

function reasonOf(error: unknown, use: string): string {
  const { name, message } = error as Error;
  if (name === 'JetStreamNotEnabled' || /no responders/i.test(message)) {
    return `JetStream is not available: ${use} need nats-server with -js, and an account that may use it`;
  }
  if (/permissions violation/i.test(message)) return `${message}: ${use} need the right to use JetStream ($JS.API.>)`;
  // There is JetStream, and servers of it do not agree who leads, or are not there.
  if (isOfNow(error)) return `${message}: JetStream does not work, as most servers of NATS may be away`;
  return message;
}
