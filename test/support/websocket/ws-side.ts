import type { EventEmitter } from 'node:events';
import * as ws from 'ws';
import type { Role } from '../../../src/codec/websocket/index.ts';
import { type Compression, type Reading, type Sending, shown, shownClose } from './messages.ts';

// What @types/ws does not know of `ws`: the parts that its sockets are made of.

/** Parameters of permessage-deflate as `ws` has them: by their name on the wire; null for one that is not set. */
export type WsParameters = Readonly<Record<string, number | true>>;

export interface WsDeflate {
  params: WsParameters | null;
  offer(): Record<string, number | true>;
  /** @throws Error for offers or an answer that it does not take */
  accept(configurations: unknown[]): WsParameters;
  cleanup(): void;
}

interface WsReceiver extends EventEmitter {
  write(chunk: Buffer, done: (error?: Error | null) => void): boolean;
}

interface WsSender {
  send(
    data: Buffer,
    options: { binary: boolean; compress: boolean; fin: boolean; mask: boolean },
    done: () => void,
  ): void;
  ping(data: Buffer, mask: boolean, done: () => void): void;
  pong(data: Buffer, mask: boolean, done: () => void): void;
  close(code: number | undefined, reason: string, mask: boolean, done: () => void): void;
}

type Extensions = Record<string, WsDeflate>;

const parts = ws as unknown as {
  readonly PerMessageDeflate: new (options: object) => WsDeflate;
  readonly Receiver: new (options: object) => WsReceiver;
  readonly Sender: new (socket: object, extensions: Extensions) => WsSender;
  readonly extension: {
    parse(header: string): Record<string, unknown[]>;
    format(extensions: Record<string, unknown>): string;
  };
};

/** Reads and writes Sec-WebSocket-Extensions as `ws` does. */
export const wsExtension = parts.extension;

/** One side's permessage-deflate of `ws`. */
export function wsDeflate(options: object): WsDeflate {
  return new parts.PerMessageDeflate({ threshold: 0, ...options });
}

const other = (role: Role): Role => (role === 'server' ? 'client' : 'server');

/** Permessage-deflate of `ws` on the side `role`, for messages in one direction. */
function deflateOf(role: Role, sender: Role, { windowBits, contextTakeover }: Compression): WsDeflate {
  const deflate = wsDeflate({ isServer: role === 'server' });
  deflate.params = {
    [`${sender}_max_window_bits`]: windowBits,
    ...(contextTakeover ? {} : { [`${sender}_no_context_takeover`]: true as const }),
  };
  return deflate;
}

/** What `ws` reads: one event a message, control frame or close frame; `error CODE` where the connection fails. */
export async function readByWs(pieces: Iterable<Buffer>, reading: Reading): Promise<string[]> {
  const { role, limits, compression } = reading;
  const events: string[] = [];
  const deflate = compression === null ? null : deflateOf(role, other(role), compression);
  const receiver = new parts.Receiver({
    isServer: role === 'server',
    maxPayload: limits.maxMessageBytes,
    maxFragments: limits.maxFragments,
    extensions: deflate === null ? {} : { 'permessage-deflate': deflate },
  });
  let over = false;
  receiver.on('message', (data: Buffer, binary: boolean) => events.push(shown(binary ? 'binary' : 'text', data)));
  receiver.on('ping', (data: Buffer) => events.push(shown('ping', data)));
  receiver.on('pong', (data: Buffer) => events.push(shown('pong', data)));
  receiver.on('conclude', (code: number, reason: Buffer) => {
    over = true;
    events.push(shownClose(code, reason));
  });
  receiver.on('error', () => {});
  for (const piece of pieces) {
    if (over) break;
    const error = await new Promise<Error | null | undefined>((resolve) => receiver.write(Buffer.from(piece), resolve));
    if (!(error instanceof Error)) continue;
    over = true;
    events.push(`error ${closeCodeOf(error)}`);
  }
  deflate?.cleanup();
  return events;
}

/** The close code that `ws` notes on its errors. */
function closeCodeOf(error: Error): number {
  const key = Object.getOwnPropertySymbols(error).find(({ description }) => description === 'status-code');
  if (key === undefined) throw error;
  return (error as unknown as Record<symbol, number>)[key] as number;
}

/** The bytes with which `ws`, on the side `role`, sends all of it. */
export async function writtenByWs(
  sent: readonly Sending[],
  role: Role,
  compression: Compression | null,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const socket = {
    destroyed: false,
    cork() {},
    uncork() {},
    write(chunk: Buffer, done?: () => void) {
      chunks.push(Buffer.from(chunk));
      done?.();
    },
  };
  const deflate = compression === null ? null : deflateOf(role, role, compression);
  const sender = new parts.Sender(socket, deflate === null ? {} : { 'permessage-deflate': deflate });
  const mask = role === 'client';
  for (const part of sent) {
    await new Promise<void>((done) => {
      // It masks in place.
      if (part.kind === 'data') {
        const { text, compress, more } = part;
        sender.send(
          Buffer.from(part.data),
          { binary: !text, compress: compress && deflate !== null, fin: !more, mask },
          done,
        );
      } else if (part.kind === 'close') {
        sender.close(part.code ?? undefined, part.reason, mask, done);
      } else {
        sender[part.kind](Buffer.from(part.data), mask, done);
      }
    });
  }
  deflate?.cleanup();
  return Buffer.concat(chunks);
}
