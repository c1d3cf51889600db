import { randomBytes } from 'node:crypto';

/** Payload that a frame carries whose length stands in its second byte (RFC 6455 §5.2). */
const MAX_SHORT_PAYLOAD = 125;

/** The opening handshake of a client (RFC 6455 §4.1), always with the same key, since nothing here depends on a new one. */
export function upgradeRequest(port: number, path: string): string {
  return [
    `GET ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    '\r\n',
  ].join('\r\n');
}

/** The start of the head that accepts it. */
export const SWITCHING = 'HTTP/1.1 101 ';

/** A text message of a client in one masked frame. Throws if it is too long for the benches. */
export function clientFrame(text: string): Buffer {
  const payload = Buffer.from(text, 'latin1');
  if (payload.length > MAX_SHORT_PAYLOAD) throw new Error(`a message of ${payload.length} bytes is too long`);
  const key = randomBytes(4);
  const masked = payload.map((byte, i) => byte ^ (key[i % 4] as number));
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length]), key, masked]);
}

/** The same message as a server sends it. */
export function serverFrame(text: string): Buffer {
  const payload = Buffer.from(text, 'latin1');
  if (payload.length > MAX_SHORT_PAYLOAD) throw new Error(`a message of ${payload.length} bytes is too long`);
  return Buffer.concat([Buffer.from([0x81, payload.length]), payload]);
}
