import { createHash } from 'node:crypto';
import type { RawPeer } from '../raw-peer.ts';

/** RFC 6455 §1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** Takes the head of an opening handshake. Returns the value that has to be answered for it (RFC 6455 §4.2.2). */
export async function takeHandshake(peer: RawPeer): Promise<{ readonly head: string; readonly accept: string }> {
  const head = await peer.take();
  const [, key = ''] = /^sec-websocket-key: (\S+)/im.exec(head) ?? [];
  return { head, accept: createHash('sha1').update(`${key}${GUID}`).digest('base64') };
}

/** Accepts a WebSocket by hand. @param fields that the answer has beside those that it needs, each with its line end */
export async function acceptWebSocket(peer: RawPeer, fields = ''): Promise<void> {
  const { accept } = await takeHandshake(peer);
  peer.write(
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
      `Sec-WebSocket-Accept: ${accept}\r\n${fields}\r\n`,
  );
}

/** A frame of a server. @param first byte: FIN, the reserved bits, and the opcode */
export function serverFrame(first: number, payload: Buffer | string = ''): Buffer {
  const data = Buffer.from(payload);
  const { length } = data;
  if (length < 126) return Buffer.concat([Buffer.from([first, length]), data]);
  if (length < 65_536) return Buffer.concat([Buffer.from([first, 126, length >> 8, length & 0xff]), data]);
  const head = Buffer.alloc(10);
  head.writeUInt16BE((first << 8) | 127);
  head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, data]);
}
