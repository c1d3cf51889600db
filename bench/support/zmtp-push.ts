import { connect } from 'node:net';

/** The greeting of ZMTP 3.0 with the NULL mechanism, of a client (RFC 23/ZMTP). */
const GREETING = Buffer.concat([
  Buffer.from('ff00000000000000017f0300', 'hex'),
  Buffer.from('NULL'.padEnd(20, '\0'), 'latin1'),
  Buffer.alloc(32),
]);

/** The command READY of a PUSH socket. */
const READY = Buffer.from('\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04PUSH', 'latin1');

/** Payload that a short frame carries. */
const MAX_SHORT = 255;

/** The least of a PUSH socket: it sends messages of one part to the PULL socket at a port of the loopback address. */
export function openPush(port: number): Promise<{ publish(body: string): Promise<void>; close(): void }> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the PULL socket has closed the connection')));
    // The greeting of the peer and its READY: nothing else ever comes from a PULL socket.
    let received = 0;
    socket.on('data', (data) => {
      received += data.length;
      if (received <= GREETING.length) return;
      resolve({
        publish: (body) =>
          new Promise((written, failed) => {
            socket.write(frame(body), (error) => (error ? failed(error) : written()));
          }),
        close: () => socket.destroy(),
      });
    });
    socket.write(Buffer.concat([GREETING, READY]));
  });
}

function frame(body: string): Buffer {
  const payload = Buffer.from(body, 'latin1');
  if (payload.length <= MAX_SHORT) return Buffer.concat([Buffer.from([0, payload.length]), payload]);
  const head = Buffer.alloc(9);
  head[0] = 2;
  head.writeBigUInt64BE(BigInt(payload.length), 1);
  return Buffer.concat([head, payload]);
}
