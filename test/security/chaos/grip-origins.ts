import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import { RawPeer } from '../../support/raw-peer.ts';
import type { SeededRandom } from '../../support/seeded-random.ts';
import { pause } from './chaos.ts';
import { type ChaosOrigin, listening } from './origins.ts';

/** Where its clients ask for what it does wrongly over HTTP, over WebSockets, and over HTTP requests with events. */
export const HOSTILE = { http: '/hostile/http', websocket: '/hostile/websocket', events: '/hostile/events' } as const;

/** Longer than the clients of the run wait. */
const STALL_MS = 4_000;

/** An origin whose instructions, control messages and events are wrong, or ask for too much. */
export function startHostileGripOrigin(random: SeededRandom): Promise<ChaosOrigin> {
  return listening(
    createServer({ allowHalfOpen: true }, (socket) => {
      void serve(new RawPeer(socket), random).catch(() => {});
    }),
  );
}

async function serve(peer: RawPeer, random: SeededRandom): Promise<void> {
  for (;;) {
    const head = await peer.take();
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
    const body = length > 0 ? await peer.takeBytes(length) : '';
    const key = /^sec-websocket-key: *(\S+)/im.exec(head)?.[1];
    if (key !== undefined) return misspeak(peer, key, random);
    const text = /^content-type: *application\/websocket-events/im.test(head)
      ? eventsResponse(body, random)
      : gripResponse(random);
    if (!(await sent(peer, text, random))) return;
  }
}

/** Sends a response: whole, in two parts, in part, late or never. Returns whether another one may follow. */
async function sent(peer: RawPeer, text: string, random: SeededRandom): Promise<boolean> {
  const how = random.below(10);
  if (how === 0) await pause(random.below(STALL_MS));
  const cut = how < 4 ? random.below(text.length + 1) : text.length;
  peer.write(text.slice(0, cut));
  if (how === 1) peer.reset();
  else if (how === 2) peer.end();
  if (how === 1 || how === 2) return false;
  if (how === 3) await pause(random.below(100));
  peer.write(text.slice(cut));
  return true;
}

function response(fields: string, body: string, status = '200 OK'): string {
  return `HTTP/1.1 ${status}\r\n${fields}Content-Length: ${Buffer.byteLength(body, 'latin1')}\r\n\r\n${body}`;
}

function gripResponse(random: SeededRandom): string {
  return random.pick(GRIP_RESPONSES)(random);
}

const STREAM = 'Grip-Hold: stream\r\nGrip-Channel: heavy\r\n';
const INSTRUCT = 'Content-Type: application/grip-instruct\r\n';

function channels(count: number): { name: string }[] {
  return Array.from({ length: count }, (_, i) => ({ name: `c${i}` }));
}

/** Characters that are allowed in a field's value, chosen without any sense. */
function noise(random: SeededRandom, limit: number): string {
  let text = '';
  for (let length = random.below(limit); length > 0; length--) text += random.pick([...' ,;="\\{}[]<>abc019-:\xff']);
  return text;
}

const GRIP_FIELDS = [
  ...['Grip-Hold', 'Grip-Channel', 'Grip-Timeout', 'Grip-Keep-Alive', 'Grip-Link', 'Grip-Set-Meta', 'Grip-Status'],
  ...['Grip-Session-Id', 'Grip-Expose-Headers', 'Grip-Unknown'],
];

const GRIP_RESPONSES: readonly ((random: SeededRandom) => string)[] = [
  (random) => response(`${STREAM}${random.pick(GRIP_FIELDS)}: ${noise(random, 60)}\r\n`, 'begin\n'),
  (random) => response(GRIP_FIELDS.map((name) => `${name}: ${noise(random, 20)}\r\n`).join(''), 'begin\n'),
  // Links that point to themselves, without end and without a pause.
  () => response(`${STREAM}Grip-Link: <${HOSTILE.http}>; rel=next\r\n`, 'again\n'),
  () => response(`${STREAM}Grip-Link: <${HOSTILE.http}>; rel=next; timeout=1\r\n`, ''),
  () => response(`Grip-Link: <${HOSTILE.http}>; rel=next\r\n`, 'part\n'),
  () => response(`${STREAM}Grip-Link: <${HOSTILE.http}>; rel=gone\r\n`, 'begin\n'),
  // Too many channels, within the bound of instructions and beyond it.
  () => response(INSTRUCT, JSON.stringify({ hold: { mode: 'stream', channels: channels(10_000) } })),
  () => response(INSTRUCT, JSON.stringify({ hold: { mode: 'stream', channels: channels(6_000) } })),
  () => response(`Grip-Hold: stream\r\n${'Grip-Channel: a, b, c\r\n'.repeat(200)}`, 'begin\n'),
  // Filters without services, and ones that stall.
  () => response('Grip-Hold: stream\r\nGrip-Channel: heavy; filter=http-check\r\n', 'begin\n'),
  () => response('Grip-Hold: response\r\nGrip-Channel: heavy; filter=http-modify\r\n', 'begin\n'),
  () =>
    response(
      `Grip-Hold: stream\r\nGrip-Channel: heavy; filter=http-check\r\nGrip-Set-Meta: url="${HOSTILE.http}"\r\n`,
      'begin\n',
    ),
  // Holds that end at once, and conflicts of ids that are replayed.
  () => response('Grip-Hold: response\r\nGrip-Channel: heavy; prev-id=none\r\nGrip-Timeout: 1\r\n', 'timeout\n'),
  () => response('Grip-Hold: stream\r\nGrip-Channel: heavy\r\nGrip-Keep-Alive: x; timeout=1\r\n', ''),
  // Instructions in JSON that are cut, nested, or of the wrong types.
  (random) => {
    const whole = JSON.stringify({ hold: { mode: 'stream', channels: [{ name: 'a' }] }, response: { body: 'b' } });
    return response(INSTRUCT, whole.slice(0, random.below(whole.length)));
  },
  () => response(INSTRUCT, '['.repeat(90_000)),
  () => response(INSTRUCT, '{"hold":{"mode":7,"channels":{"a":1},"timeout":-1},"response":[]}'),
  () => response(INSTRUCT, '{"response":{"code":99999,"headers":{"X":"a\\r\\nb"},"body-bin":"!"}}'),
  () => response(`${INSTRUCT}Content-Encoding: gzip\r\n`, 'not gzip'),
  () => response(`${STREAM}Sec-WebSocket-Extensions: grip\r\n`, 'x'.repeat(300_000)),
];

function eventsResponse(body: string, random: SeededRandom): string {
  const fields = 'Content-Type: application/websocket-events\r\nSec-WebSocket-Extensions: grip\r\n';
  // Clients get past the opening more often than not.
  if (body.startsWith('OPEN\r\n') && random.below(4) > 0) return response(fields, 'OPEN\r\n');
  return random.pick(EVENTS_RESPONSES)(fields, random);
}

const SUBSCRIBE = 'c:{"type":"subscribe","channel":"heavy"}';

const EVENTS_RESPONSES: readonly ((fields: string, random: SeededRandom) => string)[] = [
  (fields) => response(fields, 'TEXT 64\r\nhalf an ev'),
  (fields) => response(fields, 'TEXT ffffffff\r\n'),
  (fields) => response(fields, 'TEXT 5\r\nhello\r\n'.repeat(3_000)),
  (fields) => response(fields, `TEXT ${SUBSCRIBE.length.toString(16)}\r\n${SUBSCRIBE}\r\n`),
  (fields, random) => response(fields, random.bytes(random.below(500)).toString('latin1')),
  (fields) => response(fields, 'OPEN\r\nOPEN\r\nCLOSE 2\r\n\x03\xe8\r\nTEXT 1\r\nx\r\n'),
  (fields) => response(`${fields}Content-Bytes-Accepted: -1\r\n`, ''),
  (fields) => response(`${fields}Content-Bytes-Accepted: 0\r\nKeep-Alive-Interval: 1\r\n`, ''),
  (fields) => response(`${fields}Content-Bytes-Accepted: 999999999\r\n`, ''),
  (fields) => response(`${fields}Keep-Alive-Interval: 99999999999999999999\r\n`, 'PING\r\n'),
  (fields) => response(fields, 'DISCONNECT\r\n'),
  (fields) => response(fields, 'no such event', '500 Internal Server Error'),
  () => response('Content-Type: text/plain\r\n', 'TEXT 5\r\nhello\r\n'),
  () => '',
];

/** Accepts a WebSocket and sends what no client and no proxy should be sent. */
async function misspeak(peer: RawPeer, key: string, random: SeededRandom): Promise<void> {
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  const fields = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n`;
  peer.write(`HTTP/1.1 101 Switching Protocols\r\n${fields}Sec-WebSocket-Extensions: grip\r\n\r\n`);
  for (let count = random.below(200); count > 0 && !peer.socket.destroyed; count--) {
    if (peer.socket.writableLength < 500_000) peer.write(random.pick(FRAMES)(random));
    if (random.below(4) === 0) await pause(random.below(30));
  }
  const ending = random.below(3);
  if (ending === 0) peer.reset();
  else if (ending === 1) peer.end();
  else await pause(STALL_MS);
  peer.socket.destroy();
}

/** A frame as servers send it, with up to 65,535 bytes. */
function frame(payload: Buffer, first = 0x81): Buffer {
  const { length } = payload;
  const head = length < 126 ? [first, length] : [first, 126, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), payload]);
}

function control(text: string): Buffer {
  return frame(Buffer.from(`c:${text}`));
}

const FRAMES: readonly ((random: SeededRandom) => Buffer)[] = [
  (random) => frame(Buffer.from(`m:${noise(random, 100)}`)),
  (random) => control(noise(random, 100)),
  (random) =>
    control(JSON.stringify({ type: 'subscribe', channel: random.pick(['heavy', 'c', '', 'a'.repeat(9_000)]) })),
  (random) => control(JSON.stringify({ type: 'subscribe', channel: `own-${random.below(10_000)}` })),
  (random) => control(JSON.stringify({ type: 'unsubscribe', channel: `own-${random.below(10_000)}` })),
  (random) =>
    control(JSON.stringify({ type: random.pick(['detach', 'session', 'flush-delayed', 'keep-alive', 7, null]) })),
  () => control('{"type":"subscribe","channel":"heavy","filters":["http-check","none","build-id"]}'),
  () => control('{"type":"send-delayed","content":"late","timeout":1}'),
  () => control('{"type":"keep-alive","content":"k","timeout":1}'),
  () => control(`{"type":"set-meta","name":"m","value":"${'v'.repeat(5_000)}"}`),
  () => control('['.repeat(30_000)),
  () => frame(Buffer.alloc(60_000, 'm:')),
  () => frame(Buffer.from('m:part'), 0x01),
  () => frame(Buffer.alloc(0), 0x80),
  (random) => frame(random.bytes(random.below(100)), 0x89),
  (random) => (random.below(20) === 0 ? random.bytes(random.below(200)) : frame(Buffer.from('m:ping'), 0x8a)),
];
