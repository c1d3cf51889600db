import type { ConsumerAPI, ConsumerInfo } from '@nats-io/jetstream';
import { inTime } from '../in-time.ts';
import { type PullSettings, pullConsumer } from '../pull-consumer.ts';

/**
 * Milliseconds that each reader has to come before another one is made, and the last one before it is given up. The first wait is short: while many channels are read, others wait in line for it. The
 * later ones are longer, so that a broker that is slow does not get ever more to do.
 */
const WAITS = [250, 500, 1_000, 1_250, 2_000];

/**
 * Makes a consumer of the stream. For three minutes after a server was killed NATS may still place consumers there, and then there is no answer. So another one is made after a while, up to
 * five, and the first that is there is taken. Rejects as soon as one is refused, or when none is there after five seconds.
 */
export async function makeReader(
  consumers: Pick<ConsumerAPI, 'add' | 'delete'>,
  stream: string,
  settings: PullSettings,
): Promise<ConsumerInfo> {
  const names: string[] = [];
  const coming: Promise<ConsumerInfo>[] = [];
  let made: ConsumerInfo | null = null;
  try {
    for (const wait of WAITS) {
      const config = pullConsumer(settings);
      names.push(config.name);
      coming.push(consumers.add(stream, config));
      made = await inTime(Promise.race(coming), wait);
      if (made !== null) return made;
    }
    throw new Error('the broker makes no reader');
  } finally {
    // If that fails, the broker forgets them later.
    for (const name of names) if (name !== made?.name) consumers.delete(stream, name).catch(() => {});
  }
}
