import { encodeMaskedFrame } from '../../../src/codec/websocket/index.ts';
import { handshake } from '../../support/edge/websocket-client.ts';
import type { RawClient } from '../../support/raw-client.ts';
import type { SeededRandom } from '../../support/seeded-random.ts';
import { type Misdeed, pause } from './chaos.ts';
import { HOSTILE } from './grip-origins.ts';

async function open(client: RawClient, random: SeededRandom): Promise<void> {
  const path = random.pick([HOSTILE.websocket, HOSTILE.events, HOSTILE.events]);
  await client.write(handshake({}, `GET ${path} HTTP/1.1`)).take();
}

/** Clients of the hostile GRIP origin, who do not behave either. */
export const GRIP_MISDEEDS: readonly Misdeed[] = [
  (client) => client.request(`GET ${HOSTILE.http} HTTP/1.1\r\nHost: a\r\n\r\n`),
  (client) => client.write(`GET ${HOSTILE.http} HTTP/1.1\r\nHost: a\r\n\r\n`).takeAll(),
  async (client, random) => {
    client.socket.pause();
    client.write(`GET ${HOSTILE.http} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n`.repeat(5));
    await pause(random.below(2_500));
  },
  async (client, random) => {
    client.end(`GET ${HOSTILE.http} HTTP/1.1\r\nHost: a\r\n\r\n`);
    await pause(random.below(500));
  },
  (client) =>
    client.request(
      `POST ${HOSTILE.events} HTTP/1.1\r\nHost: a\r\nContent-Type: application/websocket-events\r\nContent-Length: 6\r\n\r\nOPEN\r\n`,
    ),
  async (client, random) => {
    await open(client, random);
    for (let i = random.below(100); i > 0; i--) {
      client.write(encodeMaskedFrame(random.pick([1, 2, 9, 10]), random.bytes(random.below(120)), 1));
      await pause(random.below(20));
    }
  },
  async (client, random) => {
    await open(client, random);
    client.socket.pause();
    for (let i = 0; i < 20; i++) client.write(encodeMaskedFrame(2, Buffer.alloc(50_000), 1));
    await pause(random.below(2_500));
  },
  async (client, random) => {
    await open(client, random);
    for (let i = 0; i < 2_000; i++) client.write(encodeMaskedFrame(1, Buffer.alloc(0), 1));
    await pause(random.below(1_000));
  },
  async (client, random) => {
    await open(client, random);
    await client.write(random.bytes(random.below(500))).takeAll();
  },
  async (client, random) => {
    await open(client, random);
    await client.write(encodeMaskedFrame(8, random.bytes(random.below(5)), 1)).takeAll();
  },
];
