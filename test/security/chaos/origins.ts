import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { RawPeer } from '../../support/raw-peer.ts';
import type { SeededRandom } from '../../support/seeded-random.ts';
import { pause } from './chaos.ts';

/** An origin of the run. */
export interface ChaosOrigin {
  /** `127.0.0.1:PORT` */
  readonly address: string;
  /** Closes it with all its connections. */
  close(): void;
}

/**
 * An origin that does everything rightly: `/echo/…` answers with the request, `/large/N` with N bytes, `/stream/NAME` holds a
 * stream on the channels `common` and NAME, `/heavy` one on `heavy`, and `/poll/NAME` a response on NAME.
 */
export async function startGoodOrigin(onSmuggled: (target: string) => void): Promise<ChaosOrigin> {
  return listening(
    createHttpServer((request, response) => {
      let body = '';
      request.setEncoding('latin1');
      request.on('data', (text: string) => {
        body += text;
      });
      request.on('end', () => {
        if (request.url?.includes('smuggled') === true) onSmuggled(request.url);
        respond(request, response, body);
      });
    }),
  );
}

function respond({ method = '', url = '' }: IncomingMessage, response: ServerResponse, body: string): void {
  const [, kind, name = ''] = url.split('/');
  switch (kind) {
    case 'large':
      // What asks for it may have been changed by chance.
      response.end(Buffer.alloc(Math.min(Number(name) || 0, 10_000_000), 'L'));
      break;
    case 'stream':
      hold(response, 'stream', `common, ${name}`, 'begin\n');
      break;
    case 'heavy':
      hold(response, 'stream', 'heavy', 'begin\n');
      break;
    case 'poll':
      hold(response, 'response', name, `${name} timeout`);
      break;
    default:
      response.end(`${method} ${url} ${body}`, 'latin1');
  }
}

function hold(response: ServerResponse, mode: string, channels: string, body: string): void {
  response.setHeader('Grip-Hold', mode);
  response.setHeader('Grip-Channel', channels);
  response.setHeader('Grip-Timeout', '5');
  if (mode === 'stream') response.setHeader('Grip-Keep-Alive', '\\n; format=cstring; timeout=3');
  response.end(body);
}

/** An origin that does everything wrongly. */
export async function startBadOrigin(random: SeededRandom): Promise<ChaosOrigin> {
  return listening(
    createServer({ allowHalfOpen: true }, (socket) => {
      void misbehave(new RawPeer(socket), random).catch(() => {});
    }),
  );
}

const OK = 'HTTP/1.1 200 OK\r\n';
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;
const GRIP = `${OK}Grip-Hold: stream\r\nGrip-Channel: heavy\r\n`;
const PACKED = gzipSync(Buffer.alloc(3_000_000));

const ANSWERS: readonly string[] = [
  '',
  OK,
  'garbage\r\n\r\n',
  'HTTP/1.1 200 OK\nContent-Length: 0\n\n',
  `${OK}Content-Length: 1\r\nContent-Length: 2\r\n\r\nab`,
  `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  `${OK}Content-Length: 5\r\n\r\nhello${OK}Content-Length: 6\r\n\r\npoison`,
  `${OK}Content-Length: 1000\r\n\r\nshort`,
  `${OK}\r\nuntil the end`,
  `${CHUNKED}5\r\nhello\r\n`,
  `${CHUNKED}5\r\nhello\r\n0\r\n\r\n`,
  `${CHUNKED}zz\r\n`,
  `${CHUNKED}5\r\nhello\r\n0\r\n${'X: y\r\n'.repeat(20_000)}`,
  'HTTP/1.1 100 Continue\r\n\r\n'.repeat(100),
  'HTTP/1.1 101 Switching Protocols\r\n\r\n',
  `${OK}X: ${'y'.repeat(200_000)}`,
  `${GRIP}Content-Length: 6\r\n\r\nbegin\n`,
  `${GRIP}Content-Length: 100\r\n\r\nbegin\n`,
  `${GRIP}Content-Encoding: gzip\r\nContent-Length: 9\r\n\r\nnot gzip!`,
  `${GRIP}Content-Encoding: gzip\r\nContent-Length: ${PACKED.length}\r\n\r\n${PACKED.toString('latin1')}`,
  `${OK}Content-Type: application/grip-instruct\r\nContent-Length: 12\r\n\r\n{"hold":"no"}`,
  `${OK}Content-Type: application/grip-instruct\r\nContent-Length: 61\r\n\r\n{"response":{"headers":{"X":"a\\r\\nb"},"body":"0123456789abc"}}`,
  `${OK}Grip-Hold: neither\r\nContent-Length: 0\r\n\r\n`,
];

async function misbehave(peer: RawPeer, random: SeededRandom): Promise<void> {
  for (;;) {
    // Now and then it does not even wait for the request.
    if (random.below(10) > 0) await peer.take();
    const answerText = random.pick(ANSWERS);
    const cut = random.below(4) === 0 ? random.below(answerText.length + 1) : answerText.length;
    peer.write(answerText.slice(0, cut));
    await pause(random.below(20));
    peer.write(answerText.slice(cut));
    const ending = random.below(6);
    if (ending === 0) peer.reset();
    else if (ending === 1) peer.end();
    else if (ending === 2) await flood(peer);
    else if (ending === 3) peer.socket.pause();
  }
}

/** Sends without end, as long as it is taken. */
async function flood(peer: RawPeer): Promise<void> {
  for (let i = 0; i < 200 && !peer.socket.destroyed; i++) {
    if (peer.socket.writableLength < 200_000) peer.write(Buffer.alloc(20_000, 'f'));
    await pause(5);
  }
}

/** Lets a server listen on a free port. */
export async function listening(server: Server): Promise<ChaosOrigin> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
