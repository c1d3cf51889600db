import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type Chaos, type Misdeed, pause } from './chaos.ts';

/** Publishes to the channels of ordinary clients, and knows how many items each channel has had. */
export class HonestPublisher {
  /** The number of the last item, by channel. */
  readonly last = new Map<string, number>();
  readonly #streams: readonly string[];
  readonly #polls: readonly string[];

  /**
   * @param streams channels of streams; each is told of the end
   * @param polls channels of held responses
   */
  constructor(chaos: Chaos, streams: readonly string[], polls: readonly string[]) {
    this.#streams = streams;
    this.#polls = polls;
    chaos.ordinary('publisher', (random) =>
      this.#publish(chaos, () => random.pick(streams), random.below.bind(random)),
    );
  }

  async #publish(chaos: Chaos, channel: () => string, below: (limit: number) => number): Promise<void> {
    const client = chaos.open(chaos.control);
    await once(client.socket, 'connect');
    const send = async (items: unknown[]): Promise<void> => {
      const body = JSON.stringify({ items });
      const { status } = await client.request(
        `POST /publish HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
      assert.equal(status, 200);
      chaos.count('publisher');
    };
    while (chaos.going) {
      const items = [];
      for (let count = below(8); count >= 0; count--) items.push(this.#streamItem(channel(), below(3_000)));
      for (const name of this.#polls) items.push(this.#pollItem(name));
      items.push(stream('heavy', `${'h'.repeat(100_000)}\n`));
      await send(items);
      await pause(below(40));
    }
    await send(this.#streams.map((name) => stream(name, `${name} end\n`)));
    client.socket.destroy();
  }

  #streamItem(channel: string, size: number): unknown {
    return stream(channel, `${channel} ${this.#next(channel)} ${'s'.repeat(size)}\n`);
  }

  #pollItem(channel: string): unknown {
    return { channel, formats: { 'http-response': { body: `${channel} ${this.#next(channel)}` } } };
  }

  #next(channel: string): number {
    const number = (this.last.get(channel) ?? 0) + 1;
    this.last.set(channel, number);
    return number;
  }
}

function stream(channel: string, content: string): unknown {
  return { channel, formats: { 'http-stream': { content } } };
}

const EVIL = {
  channel: 'common',
  formats: { 'http-stream': { content: 'common 0 evil\n' }, 'http-response': { body: 'evil' } },
};
const BAD_ITEMS: readonly unknown[] = [null, {}, 'common', { channel: 1 }, { channel: 'common', formats: {} }];

function post(body: string, length = body.length): string {
  return `POST /publish HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n\r\n${body}`;
}

/** What hostile publishers do. Nothing of it may reach an ordinary client. */
export const PUBLISHING_MISDEEDS: readonly Misdeed[] = [
  (client, random) => client.request(post(random.bytes(random.below(2_000)).toString('latin1'))),
  (client, random) => client.request(post(JSON.stringify({ items: [EVIL, EVIL, random.pick(BAD_ITEMS)] }))),
  (client) => client.request(post(`{"items":${'['.repeat(50_000)}`)),
  (client, random) => {
    const whole = post(JSON.stringify({ items: [EVIL] }));
    return client
      .write(whole.slice(0, random.below(whole.length)))
      .end()
      .takeResponse();
  },
  (client) => client.request(post('', 2_000_000)),
  (client) => client.write(post('', 900_000)).write(Buffer.alloc(500_000, ' ')).takeResponse(),
  (client) => client.request(`POST /publish HTTP/1.1\r\nHost: localhost\r\nX: ${'y'.repeat(20_000)}\r\n\r\n`),
  (client) =>
    client.request(
      `POST /publish HTTP/1.1\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${post(JSON.stringify({ items: [EVIL] }))}`,
    ),
  (client, random) => client.write(random.bytes(random.below(1_000))).takeAll(),
  (client, random) => {
    const items = Array.from({ length: 500 }, (_, i) => ({ ...EVIL, channel: `nobody-${random.below(1_000)}-${i}` }));
    return client.request(post(JSON.stringify({ items })));
  },
  (client) => client.request('POST /recover HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n'),
  (client, random) => pause(random.below(500)).then(() => client.text),
];
