import assert from 'node:assert/strict';
import { encodeMaskedFrame, type Opcode } from '../../../src/codec/websocket/index.ts';
import type { RawClient } from '../../support/raw-client.ts';
import type { RunningServer } from '../../support/running-server.ts';
import type { ScriptedWebSocket } from '../../support/scripted-service.ts';

/** The handshake's request with further field lines, without the empty line. */
export function handshake(fields = ''): string {
  return `GET /socket HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${fields}`;
}

/** One frame from a client. */
export function frame(opcode: Opcode, payload: string | Buffer = '', more = false): Buffer {
  return encodeMaskedFrame(opcode, Buffer.from(payload as string, 'latin1'), 0x1a2b3c4d, more);
}

/** A close frame's payload in latin1. */
export function closeText(code: number, reason = ''): string {
  return String.fromCharCode(code >> 8, code & 0xff) + reason;
}

/** The next frame that the server sends, as a line: opcode, `+` if the message goes on, payload in latin1. Nothing of the code under test reads it. */
export async function takeFrame(client: RawClient): Promise<string> {
  const [first = '', second = ''] = await client.takeBytes(2);
  const bits = first.charCodeAt(0);
  assert.equal(bits & 0x70, 0, 'no reserved bit');
  assert.ok(second.charCodeAt(0) < 128, 'not masked');
  let length = second.charCodeAt(0);
  if (length >= 126) {
    const bytes = Buffer.from(await client.takeBytes(length === 126 ? 2 : 8), 'latin1');
    length = length === 126 ? bytes.readUInt16BE() : Number(bytes.readBigUInt64BE());
  }
  const payload = await client.takeBytes(length);
  return `${bits & 15}${bits < 128 ? '+' : ''} ${payload}`;
}

/** A client whose WebSocket is open, and the answering side of it. */
export interface Opened {
  readonly client: RawClient;
  readonly webSocket: ScriptedWebSocket;
}

/** Opens a WebSocket whose service takes so many bytes. */
export async function openWebSocket(running: RunningServer, credits = 65_536, fields = ''): Promise<Opened> {
  const client = await running.connect();
  client.write(`${handshake(fields)}\r\n`);
  const webSocket = await running.nextWebSocket();
  webSocket.accept(credits);
  assert.equal((await client.takeHead()).status, 101);
  return { client, webSocket };
}
