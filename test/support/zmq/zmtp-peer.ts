import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import {
  COMMAND_FRAME,
  encodeMessages,
  encodeMetadata,
  MESSAGE,
  NEED_INPUT,
  NullMechanism,
  READY,
  ZmtpError,
  ZmtpSession,
} from '../../../src/codec/zmtp/index.ts';
import { portOf } from '../port-of.ts';
import { Arrivals, text } from './zmq-rig.ts';

/** What a peer says of itself. */
export interface PeerFace {
  readonly type: string;
  readonly identity?: string;
  /** Speaks ZMTP 3.0. */
  readonly old?: boolean;
}

/** The far end of a connection, which says only what the test lets it say, good or bad. */
export class ZmtpPeer {
  readonly socket: Socket;
  /** Messages as text, commands as `NAME data`, and what is wrong with the handshake. */
  readonly events = new Arrivals<string>();
  /** Resolves when the handshake is complete. */
  readonly ready: Promise<void>;
  /** Resolves when the connection is closed. */
  readonly closed: Promise<void>;

  constructor(t: TestContext, socket: Socket, face: PeerFace) {
    this.socket = socket;
    t.after(() => socket.destroy());
    const properties: [string, Buffer][] = [['Socket-Type', Buffer.from(face.type)]];
    if (face.identity !== undefined) properties.push(['Identity', Buffer.from(face.identity, 'latin1')]);
    const limits = { maxMessageBytes: 2 ** 30, maxParts: 1_000 };
    const session = new ZmtpSession(new NullMechanism(encodeMetadata(properties), false), limits);
    const greeting = Buffer.concat(session.takeOutput());
    if (face.old) greeting[11] = 0;
    socket.write(greeting);
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      socket.on('close', () => resolve());
    });
    this.ready = new Promise((resolve) => {
      socket.on('data', (chunk) => {
        try {
          session.push(chunk);
          this.#read(session, resolve);
        } catch (error) {
          if (!(error instanceof ZmtpError)) throw error;
          this.events.add(error.message);
        }
        for (const output of session.takeOutput()) socket.write(output);
      });
    });
  }

  /** Sends one message. */
  send(...message: string[]): void {
    const encoded = encodeMessages([message.map((part) => Buffer.from(part, 'latin1'))], 0, 1);
    this.socket.write(Buffer.concat(encoded));
  }

  #read(session: ZmtpSession, onReady: () => void): void {
    for (let event = session.next(); event !== NEED_INPUT; event = session.next()) {
      if (event === READY) onReady();
      else if (event === MESSAGE) this.events.add(text(session.takeMessage()));
      else if (event === COMMAND_FRAME) {
        this.events.add(`${session.command.name} ${session.command.data.toString('latin1')}`);
      }
    }
  }
}

/** Connects to `tcp://127.0.0.1:PORT` and completes the handshake. */
export async function peerAt(t: TestContext, endpoint: string, face: PeerFace): Promise<ZmtpPeer> {
  const peer = new ZmtpPeer(t, await rawAt(t, endpoint), face);
  await peer.ready;
  return peer;
}

/** Connects to `tcp://127.0.0.1:PORT` and says nothing. */
export async function rawAt(t: TestContext, endpoint: string): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: portOf(endpoint) });
  t.after(() => socket.destroy());
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** Listens as a peer that speaks raw; what connects comes to `sockets`. */
export async function rawListener(t: TestContext): Promise<{ endpoint: string; sockets: Arrivals<Socket> }> {
  const sockets = new Arrivals<Socket>();
  const server = createServer((socket) => {
    socket.on('error', () => {});
    t.after(() => socket.destroy());
    sockets.add(socket);
  });
  t.after(() => server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { endpoint: `tcp://127.0.0.1:${address.port}`, sockets };
}
