import { TimerWheel } from '../clock/index.ts';
import { silentLog } from '../exchange/index.ts';
import { PushSocket, ZmqCounters, ZmqError } from '../zmq/index.ts';
import { CliError, USAGE } from './cli-error.ts';

/** Milliseconds to connect and to send. */
const LINGER = 5_000;

/**
 * Sends items to a PULL socket for items, as JSON. That they have left is all that can be known: nobody confirms them.
 * @param endpoint `tcp://HOST:PORT` or `ipc://PATH`
 * @throws CliError for an invalid endpoint, or if they cannot be sent within 5 seconds
 */
export async function pushItems(endpoint: string, items: readonly unknown[]): Promise<void> {
  const wheel = new TimerWheel();
  const counters = new ZmqCounters();
  // Timers of the wheel let a process end, and while there is no connection nothing else keeps this one running.
  const awake = setInterval(() => {}, LINGER);
  try {
    const socket = new PushSocket({ wheel, counters, log: silentLog }, { linger: LINGER }, () => {});
    socket.connect(endpoint);
    for (const item of items) socket.send([Buffer.from(`J${JSON.stringify(item)}`)]);
    await socket.close();
  } catch (error) {
    if (!(error instanceof ZmqError)) throw error;
    throw new CliError(`--spec or GRIP_URL: ${error.message}`, USAGE);
  } finally {
    clearInterval(awake);
    wheel.stop();
  }
  if (counters.messagesDropped > 0) {
    throw new CliError(`cannot publish to ${endpoint}: no connection within ${LINGER / 1000} s`);
  }
}
