import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { WebSocket } from 'ws';
import { encodeMaskedFrame } from '../../../src/codec/websocket/index.ts';
import { type Chaos, type Misdeed, pause } from '../../security/chaos/chaos.ts';
import type { SeededRandom } from '../seeded-random.ts';
import { Arrivals } from '../zmq/zmq-rig.ts';
import { handshake } from './websocket-client.ts';

/** A client that is held and sent ticks: none may be missing, come twice or be mixed up with anything else. */
export function addTicker(chaos: Chaos): void {
  chaos.ordinary('ticker', async () => {
    const client = chaos.open(chaos.address).write('GET /ticks HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.equal((await client.takeHead()).status, 200);
    let last: number | null = null;
    for (;;) {
      const chunk = await client.takeChunk();
      if (chunk === '') break;
      // Several that came together are several chunks still.
      const [, number] = /^tick (\d+)\n$/.exec(chunk) ?? assert.fail(`a chunk of ${JSON.stringify(chunk)}`);
      if (last !== null) assert.equal(Number(number), last + 1);
      last = Number(number);
      chaos.count('ticker');
    }
    client.socket.destroy();
  });
}

/** A WebSocket client that gets everything back as it sent it. */
export function addEcho(chaos: Chaos, path = '/chat', name = 'echo'): void {
  chaos.ordinary(name, async (random) => {
    while (chaos.going) {
      const socket = new WebSocket(`ws://${chaos.address}${path}`, { autoPong: false });
      const events = new Arrivals<string>();
      socket.on('message', (data: Buffer, isBinary: boolean) => events.add(`${isBinary} ${data.toString('latin1')}`));
      // An empty one is the server's heartbeat for a client that was quiet, as on a busy machine.
      socket.on('pong', (data: Buffer) => {
        if (data.length > 0) events.add(`pong ${data}`);
      });
      socket.on('close', (code, reason) => events.add(`close ${code} ${reason}`));
      await once(socket, 'open');
      for (let i = random.below(100); i > 0 && chaos.going; i--) {
        const text = `${i} ${'x'.repeat(random.below(random.below(10) === 0 ? 100_000 : 200))}`;
        if (i % 10 === 0) {
          socket.ping(`${i}`);
          assert.equal(await events.next(), `pong ${i}`);
        }
        socket.send(text);
        assert.ok((await events.next()) === `false ${text}`, 'the message comes back');
        chaos.count(name);
        await pause(random.below(20));
      }
      socket.close(4_000, 'done');
      assert.equal(await events.next(), 'close 4000 done');
    }
  });
}

async function open(client: Parameters<Misdeed>[0], random: SeededRandom): Promise<void> {
  client.write(handshake({}, `GET ${random.pick(['/chat', '/bad'])} HTTP/1.1`));
  await client.take();
}

/** What hostile clients of WebSockets do. */
export const WEBSOCKET_MISDEEDS: readonly Misdeed[] = [
  async (client, random) => {
    await open(client, random);
    await client.write(random.bytes(random.below(2_000))).takeAll();
  },
  async (client, random) => {
    await open(client, random);
    for (let i = 0; i < 200; i++)
      client.write(encodeMaskedFrame(random.pick([0, 1, 2, 9, 10]), random.bytes(random.below(120)), 1));
    await pause(random.below(500));
  },
  async (client, random) => {
    await open(client, random);
    client.socket.pause();
    for (let i = 0; i < 20; i++) client.write(encodeMaskedFrame(2, Buffer.alloc(50_000), 1));
    await pause(random.below(2_500));
  },
  async (client, random) => {
    await open(client, random);
    client.write(encodeMaskedFrame(1, Buffer.from('endless'), 1, true));
    for (let i = random.below(100); i > 0; i--) {
      client.write(encodeMaskedFrame(0, random.bytes(random.below(3)), 1, true));
      await pause(random.below(20));
    }
  },
  async (client, random) => {
    await open(client, random);
    client
      .write(encodeMaskedFrame(8, random.bytes(random.below(5)), 1))
      .write(encodeMaskedFrame(1, Buffer.from('late'), 1));
    await client.takeAll();
  },
  async (client, random) => {
    client.write(handshake({ 'Sec-WebSocket-Version': random.pick(['13', '8']) }, 'GET /bad HTTP/1.1'));
    await pause(random.below(300));
  },
];

/** Lets a peer come to a ZeroMQ endpoint again and again, and say something that it should not. */
export function addGarbagePeer(chaos: Chaos, endpoints: readonly string[], random: SeededRandom): void {
  chaos.ordinary('garbage peer', async () => {
    while (chaos.going) {
      const socket = connect(random.pick(endpoints).slice('ipc://'.length));
      socket.on('error', () => {});
      socket.resume();
      const greeting = Buffer.concat([
        Buffer.from('ff00000000000000017f0301', 'hex'),
        Buffer.from('NULL'.padEnd(52, '\0')),
      ]);
      const noise = random.bytes(random.below(3_000));
      socket.write(
        random.pick([noise, greeting, greeting.subarray(0, random.below(64)), Buffer.concat([greeting, noise])]),
      );
      await pause(random.below(300));
      socket.destroy();
      chaos.count('garbage peer');
    }
  });
}
