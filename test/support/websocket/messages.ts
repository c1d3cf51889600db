import { NO_STATUS, type Role, type WebSocketLimits } from '../../../src/codec/websocket/index.ts';

/** One direction of messages that are compressed. */
export interface Compression {
  /** Of the side that sends. */
  readonly windowBits: number;
  readonly contextTakeover: boolean;
}

/** How frames are read; `role` is that of the side that reads. */
export interface Reading {
  readonly role: Role;
  readonly limits: WebSocketLimits;
  /** Null if none was agreed on. */
  readonly compression: Compression | null;
}

/** A part of what is sent: a piece of a message, or a control frame. */
export type Sending =
  | {
      readonly kind: 'data';
      readonly text: boolean;
      readonly data: Buffer;
      readonly more: boolean;
      readonly compress: boolean;
    }
  | { readonly kind: 'ping' | 'pong'; readonly data: Buffer }
  | { readonly kind: 'close'; readonly code: number | null; readonly reason: string };

/** The events that reading all of it gives. */
export function eventsOf(sent: readonly Sending[]): string[] {
  const events: string[] = [];
  let message: Buffer[] = [];
  for (const part of sent) {
    if (part.kind === 'data') {
      message.push(part.data);
      if (part.more) continue;
      events.push(shown(part.text ? 'text' : 'binary', Buffer.concat(message)));
      message = [];
    } else if (part.kind === 'close') {
      events.push(shownClose(part.code ?? NO_STATUS, Buffer.from(part.reason)));
    } else {
      events.push(shown(part.kind, part.data));
    }
  }
  return events;
}

/** One event; data as latin1. */
export const shown = (name: string, data: Buffer) => `${name} "${data.toString('latin1')}"`;

/** The event of a close frame. */
export const shownClose = (code: number, reason: Buffer) =>
  code === NO_STATUS ? 'close' : shown(`close ${code}`, reason);
