import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { RawClient } from '../../support/raw-client.ts';
import type { SeededRandom } from '../../support/seeded-random.ts';
import { type Chaos, pause } from './chaos.ts';

async function connected(chaos: Chaos): Promise<RawClient> {
  const client = chaos.open(chaos.address);
  await once(client.socket, 'connect');
  return client;
}

/** A client that keeps one connection and sends all kinds of requests on it; every answer has to be the right one. */
export function addRequester(chaos: Chaos): void {
  chaos.ordinary('requester', async (random) => {
    const client = await connected(chaos);
    for (let number = 0; chaos.going; number++) {
      await random.pick(REQUESTS)(client, `/echo/${number}`, random);
      chaos.count('requester');
      await pause(random.below(20));
    }
    client.socket.destroy();
  });
}

type Ask = (client: RawClient, target: string, random: SeededRandom) => Promise<void>;

const REQUESTS: readonly Ask[] = [
  async (client, target) => {
    const { status, body } = await client.request(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
    assert.deepEqual([status, body], [200, `GET ${target} `]);
  },
  async (client, target, random) => {
    const sent = text(random, 50_000);
    const { status, body } = await client.request(
      `POST ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: ${sent.length}\r\n\r\n${sent}`,
    );
    assert.equal(status, 200);
    assert.ok(body === `POST ${target} ${sent}`);
  },
  async (client, target, random) => {
    client.write(`PUT ${target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n`);
    let sent = '';
    for (let chunks = random.below(6); chunks > 0; chunks--) {
      const chunk = `c${text(random, 5_000)}`;
      client.write(`${chunk.length.toString(16)}\r\n${chunk}\r\n`);
      sent += chunk;
      await pause(random.below(5));
    }
    client.write('0\r\n\r\n');
    const { status, body } = await client.takeResponse();
    assert.equal(status, 200);
    assert.ok(body === `PUT ${target} ${sent}`);
  },
  async (client, target, random) => {
    const count = 2 + random.below(10);
    const requests = Array.from({ length: count }, (_, i) => `GET ${target}/${i} HTTP/1.1\r\nHost: a\r\n\r\n`);
    client.write(requests.join(''));
    for (let i = 0; i < count; i++) assert.equal((await client.takeResponse()).body, `GET ${target}/${i} `);
  },
  async (client, target) => {
    const response = await client.request(`HEAD ${target} HTTP/1.1\r\nHost: a\r\n\r\n`, 'HEAD');
    assert.equal(response.status, 200);
  },
  async (client, _target, random) => {
    const size = random.below(300_000);
    const { status, body } = await client.request(`GET /large/${size} HTTP/1.1\r\nHost: a\r\n\r\n`);
    assert.deepEqual([status, body.length], [200, size]);
  },
  async (client) => {
    const { status, body } = await client.request('GET /dead HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.deepEqual([status, body], [502, 'Error while proxying to origin.\n']);
  },
];

function text(random: SeededRandom, limit: number): string {
  return String.fromCharCode(33 + random.below(90)).repeat(random.below(limit));
}

/** A client that is held on two channels; it has to get every item of both, in order. */
export class StreamClient {
  readonly name: string;
  /** Resolves when the stream has begun, or failed. */
  readonly held: Promise<void>;
  /** The number of the last item, by channel. */
  readonly last = new Map<string, number>();
  #begun: () => void = () => {};

  constructor(chaos: Chaos, name: string) {
    this.name = name;
    this.held = new Promise((resolve) => {
      this.#begun = resolve;
    });
    chaos.ordinary(`stream ${name}`, () => this.#follow(chaos).finally(this.#begun));
  }

  async #follow(chaos: Chaos): Promise<void> {
    const client = await connected(chaos);
    client.write(`GET /stream/${this.name} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await client.takeHead();
    let rest = '';
    for (let ended = 0; ended < 2; ) {
      rest += await client.takeChunk();
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line === 'begin') this.#begun();
        else if (line.endsWith(' end')) ended++;
        else if (line !== '') this.#note(chaos, line);
      }
    }
    client.socket.destroy();
  }

  #note(chaos: Chaos, line: string): void {
    const [channel = '', number] = line.split(' ');
    const last = this.last.get(channel) ?? 0;
    assert.equal(Number(number), last + 1, `an item of ${channel} is missing or came twice`);
    this.last.set(channel, last + 1);
    chaos.count('stream');
  }
}

/** A client that polls: each answer has to be one that was published to its channel, later than the one before. */
export function addPoller(chaos: Chaos, channel: string): void {
  chaos.ordinary(`poller ${channel}`, async (random) => {
    const client = await connected(chaos);
    let last = 0;
    while (chaos.going) {
      const { status, body } = await client.request(`GET /poll/${channel} HTTP/1.1\r\nHost: a\r\n\r\n`);
      const [name, number = ''] = body.split(' ');
      assert.deepEqual([status, name], [200, channel]);
      // A pause of the machine may be longer than the hold.
      if (number !== 'timeout') {
        assert.ok(Number(number) > last, `${number} after ${last}`);
        last = Number(number);
      }
      chaos.count('poller');
      await pause(random.below(50));
    }
    client.socket.destroy();
  });
}
