import type { SeededRandom } from '../../support/seeded-random.ts';
import { type Misdeed, pause } from './chaos.ts';

const TARGETS = [
  '/echo/x',
  '/bad',
  '/bad',
  '/dead',
  '/large/3000000',
  '/stream/evil',
  '/heavy',
  '/poll/evil',
  '/echo/%00',
  '/',
];
const HIDDEN = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n';
const STRANGE = '\r\n\0\t :;,0159afGETHP/\x7f\x80\xff';

function get(random: SeededRandom, fields = ''): string {
  const version = random.below(5) === 0 ? 0 : 1;
  return `GET ${random.pick(TARGETS)} HTTP/1.${version}\r\nHost: a\r\n${fields}\r\n`;
}

function mutate(text: string, random: SeededRandom): string {
  const chars = [...text];
  for (let changes = 1 + random.below(4); changes > 0; changes--) {
    chars[random.below(chars.length)] = STRANGE[random.below(STRANGE.length)] as string;
  }
  return chars.join('');
}

const SMUGGLED: readonly string[] = [
  `POST /echo/a HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
  `POST /echo/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n28\r\n${HIDDEN}\r\n0\r\n\r\n`,
  `POST /echo/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
  `POST /echo/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
  `POST /echo/a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 40\r\n\r\n${HIDDEN}`,
  `POST /echo/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a\nhello\r\n0\r\n\r\n${HIDDEN}`,
  `POST /echo/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${HIDDEN}`,
  `GET /echo/a HTTP/1.1\r\nHost: a\r\nContent-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`,
  `GET /bad HTTP/1.1\r\nHost: a\r\nContent-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`,
];

/** What hostile clients do. Whatever it is, ordinary clients must not notice. */
export const CLIENT_MISDEEDS: readonly Misdeed[] = [
  // Noise, and requests that are nearly right.
  (client, random) => client.write(random.bytes(random.below(3_000))).takeAll(),
  (client, random) => client.write(mutate(get(random), random)).takeAll(),
  (client, random) => client.end(mutate(random.pick(SMUGGLED).replaceAll('smuggled', 'nothing'), random)).takeAll(),
  (client, random) => client.end(random.pick(SMUGGLED)).takeAll(),
  (client) => client.write('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03').takeAll(),
  (client) => client.write('CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n').takeAll(),
  // Too much.
  (client) => client.write(`GET /${'a'.repeat(20_000)}`).takeAll(),
  (client) => client.write(`GET / HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(1_000)}\r\n`).takeAll(),
  async (client, random) => {
    client.socket.pause();
    for (let i = 0; i < 50; i++) client.write(get(random).repeat(100));
    await pause(random.below(1_000));
    client.socket.resume();
    await pause(random.below(1_000));
  },
  // Too slow, or not at all.
  (_client, random) => pause(random.below(2_500)),
  async (client, random) => {
    for (const char of get(random)) {
      client.write(char);
      await pause(random.below(100));
    }
  },
  async (client, random) => {
    client.write('POST /echo/slow HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n');
    for (let i = random.below(120); i > 0; i--) {
      client.write('x');
      await pause(random.below(50));
    }
  },
  async (client, random) => {
    client.write(
      `POST ${random.pick(TARGETS)} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n`,
    );
    await pause(random.below(1_000));
  },
  async (client, random) => {
    client.socket.pause();
    client.write(random.pick(['GET /heavy', 'GET /large/5000000']).concat(' HTTP/1.1\r\nHost: a\r\n\r\n'));
    await pause(500 + random.below(2_500));
    client.socket.resume();
    await pause(random.below(500));
  },
  // Gone in the middle.
  async (client, random) => {
    client.write(get(random));
    await pause(random.below(300));
  },
  async (client, random) => {
    client.end(get(random));
    await pause(random.below(1_000));
  },
  async (client, random) => {
    client.write(`POST /bad HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n`);
    for (let i = random.below(20); i > 0; i--) {
      client.write(Buffer.alloc(50_000));
      await pause(random.below(20));
    }
  },
  async (client, random) => {
    client.write(`POST /echo/gone HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel`);
    await pause(random.below(100));
  },
  // As they should be, to a bad origin.
  (client, random) => client.request(get(random)),
  (client, random) => client.request(get(random, 'Accept-Encoding: gzip\r\n').repeat(3)),
];
