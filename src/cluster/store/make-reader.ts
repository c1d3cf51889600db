import type { ConsumerAPI, ConsumerInfo } from '@nats-io/jetstream';
import { inTime } from '../in-time.ts';
import { type PullSettings, pullConsumer } from '../pull-consumer.ts';

/** Milliseconds without an answer after which another reader is made. */
const PATIENCE = 1_000;

/** Readers that are made at most. */
const TRIES = 5;

/**
 * Makes a consumer of the stream. For three minutes after a server was killed NATS may still place consumers there, and then there is no answer. So another one is made each second, up to
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
    while (made === null && names.length < TRIES) {
      const config = pullConsumer(settings);
      names.push(config.name);
      coming.push(consumers.add(stream, config));
      made = await inTime(Promise.race(coming), PATIENCE);
    }
    if (made === null) throw new Error('the broker makes no reader');
    return made;
  } finally {
    // If that fails, the broker forgets them later.
    for (const name of names) if (name !== made?.name) consumers.delete(stream, name).catch(() => {});
  }
}
