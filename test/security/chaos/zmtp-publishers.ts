import { connect } from 'node:net';
import { encode } from '../../../src/codec/tnetstring/index.ts';
import type { SeededRandom } from '../../support/seeded-random.ts';
import { GARBAGE, zmtpOpening } from '../../support/zmq/garbage.ts';
import { type Chaos, pause } from './chaos.ts';

/** An input for publishers over ZeroMQ: the path of its socket, and the type of socket that connects there. */
export interface ZmtpInput {
  readonly path: string;
  readonly type: 'PUSH' | 'PUB' | 'REQ';
}

/** Lets a peer come to the inputs again and again, and say something that is no ZMTP, or no item and no command. */
export function addHostileZmtpPeer(chaos: Chaos, inputs: readonly ZmtpInput[]): void {
  chaos.ordinary('hostile ZMTP peer', async (random) => {
    const garbage = Object.values(GARBAGE);
    while (chaos.going) {
      const { path, type } = random.pick(inputs);
      const socket = connect(path);
      socket.on('error', () => {});
      if (random.below(5) > 0) socket.resume();
      if (random.below(3) === 0) {
        const bytes = random.pick(garbage)(type);
        socket.write(bytes.subarray(0, random.below(bytes.length + 1)));
      } else {
        socket.write(zmtpOpening(type));
        for (let i = random.below(50); i > 0; i--) {
          if (socket.writableLength < 500_000) socket.write(message(type, random));
          if (random.below(3) === 0) await pause(random.below(20));
        }
      }
      await pause(random.below(300));
      socket.destroy();
      chaos.count('hostile ZMTP peer');
    }
  });
}

/** Publishes numbered items to a channel through PULL, and at last the end. Nothing of it may be lost. */
export function addHonestPusher(chaos: Chaos, path: string, channel: string): void {
  chaos.ordinary('pusher', async (random) => {
    const socket = connect(path);
    socket.resume();
    socket.write(zmtpOpening('PUSH'));
    const send = (content: string) => socket.write(frame(encode({ channel, formats: { 'http-stream': { content } } })));
    for (let number = 1; chaos.going; number++) {
      send(`${channel} ${number} ${'p'.repeat(random.below(1_000))}\n`);
      chaos.count('pusher');
      await pause(random.below(60));
    }
    send(`${channel} end\n`);
    socket.end();
  });
}

function message(type: ZmtpInput['type'], random: SeededRandom): Buffer {
  const content = random.pick(type === 'REQ' ? COMMANDS : ITEMS)(random);
  if (type === 'PUB') return Buffer.concat([frame(Buffer.from('heavy'), true), frame(content)]);
  if (type === 'REQ') return Buffer.concat([frame(Buffer.alloc(0), true), frame(content)]);
  return frame(content);
}

function frame(content: Buffer, more = false): Buffer {
  const head = Buffer.alloc(9);
  head[0] = (more ? 1 : 0) | 2;
  head.writeUInt32BE(content.length, 5);
  return Buffer.concat([head, content]);
}

type Content = (random: SeededRandom) => Buffer;

const ITEMS: readonly Content[] = [
  (random) => random.bytes(random.below(300)),
  () => Buffer.alloc(0),
  () => Buffer.from(`J${'['.repeat(50_000)}`),
  () => Buffer.from('J{"channel":"heavy","formats":{"http-stream":{"content":7}}}'),
  () => encode({ channel: 'heavy', formats: {} }),
  () => encode({ channel: 'heavy', formats: { 'http-stream': { content: 'x'.repeat(20_000) } } }),
  () => encode({ channel: 'heavy', id: '2', 'prev-id': 'unknown', formats: { 'http-stream': { content: 'x' } } }),
  () => encode({ channel: 'heavy', formats: { 'http-stream': { action: 'close' } } }),
  () => encode({ channel: 'heavy', formats: { 'ws-message': { action: 'close', code: 1 } } }),
  (random) => {
    const whole = encode({ channel: 'heavy', formats: { 'ws-message': { content: 'cut' } } });
    return whole.subarray(0, random.below(whole.length));
  },
];

const COMMANDS: readonly Content[] = [
  (random) => random.bytes(random.below(300)),
  () => encode({ id: '1', method: 'no-such-method' }),
  () => encode({ id: '1', method: 'publish', args: { items: [{ channel: 'heavy' }] } }),
  () => encode({ id: '1', method: 'conncheck', args: { ids: Array.from({ length: 1_000 }, (_, i) => `${i}`) } }),
  () => encode({ id: '1', method: 'refresh', args: { channel: 'heavy' } }),
  () => encode({ id: '1', method: 'recover' }),
];
