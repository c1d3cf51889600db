import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

const GREETING_3 = Buffer.concat([
  Buffer.from([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1]),
  Buffer.from('NULL'.padEnd(20, '\0')),
  Buffer.alloc(32),
]);

/** A READY command with this socket type. */
function ready(type: string): Buffer {
  const body = `\x05READY\x0bSocket-Type\0\0\0${String.fromCharCode(type.length)}${type}`;
  return Buffer.from(`\x04${String.fromCharCode(body.length)}${body}`, 'latin1');
}

/** What a peer with a socket of this type says at first, as it should. */
export function zmtpOpening(type: string): Buffer {
  return Buffer.concat([GREETING_3, ready(type)]);
}

/**
 * What a peer may say that is no ZMTP 3, or too much of it. All of these have to be cut off. Some need the type of a socket that fits the
 * endpoint, to get past the handshake.
 */
export const GARBAGE: Readonly<Record<string, (type: string) => Buffer>> = {
  'text of another protocol': () => Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n'.padEnd(100, ' ')),
  zeros: () => Buffer.alloc(1_000),
  'a peer of ZMTP 1': () => Buffer.from([1, 0, 4, 0, 0x61, 0x62, 0x63, ...new Array(64).fill(0)]),
  'a peer of ZMTP 2': () => Buffer.from([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 1, 5, 0, 0, ...new Array(64).fill(0)]),
  'another mechanism': () => {
    const greeting = Buffer.from(GREETING_3);
    greeting.write('PLAIN', 12);
    return greeting;
  },
  'a READY that is cut short': () => Buffer.concat([GREETING_3, Buffer.from('\x04\x06\x05READX\x00', 'latin1')]),
  'a socket of the wrong type': () => Buffer.concat([GREETING_3, ready('PAIR')]),
  'a message in place of READY': () => Buffer.concat([GREETING_3, Buffer.from('\x00\x01x', 'latin1')]),
  'a frame of 2 to the 62 bytes': (type) =>
    Buffer.concat([GREETING_3, ready(type), Buffer.from([2, 0x40, 0, 0, 0, 0, 0, 0, 0])]),
  'a reserved flag': (type) => Buffer.concat([GREETING_3, ready(type), Buffer.from([0x80, 1, 0x61])]),
  'a second READY': (type) => Buffer.concat([GREETING_3, ready(type), ready(type)]),
};

/** A connection to an ipc endpoint, on which the test may write what it likes. What comes is thrown away. */
export async function rawAt(t: TestContext, endpoint: string): Promise<Socket> {
  const socket = connect(endpoint.slice('ipc://'.length));
  t.after(() => socket.destroy());
  socket.on('error', () => {});
  socket.resume();
  await once(socket, 'connect');
  return socket;
}
