import { randomBytes } from 'node:crypto';

/** Names one event of a resumable stream, and the place behind it. */
export interface EventId {
  /** 30 characters: the name of the process that has the stream, and 128 random bits. */
  readonly stream: string;
  /** Where the id stands in the log of the stream; 0 for the beginning. */
  readonly position: number;
}

/** Characters of the name of a process. */
const PLACE_LENGTH = 8;

/** The name of a process (8 hex digits), 16 random bytes in base64url, and a position. */
const FORM = /^([0-9a-f]{8}[\w-]{22})\.(0|[1-9]\d{0,14})$/;

/** Characters of the longest event id. */
const MAX_LENGTH = 46;

/** Reads an event id. Returns null for anything else. */
export function parseEventId(text: string): EventId | null {
  const parts = text.length <= MAX_LENGTH ? FORM.exec(text) : null;
  return parts === null ? null : { stream: parts[1] as string, position: Number(parts[2]) };
}

export function formatEventId({ stream, position }: EventId): string {
  return `${stream}.${position}`;
}

/** Makes the name of a process: 8 hex digits. */
export function newPlace(): string {
  return randomBytes(PLACE_LENGTH / 2).toString('hex');
}

/** Makes the id of a stream, which nobody can guess. */
export function newStreamId(place: string): string {
  return place + randomBytes(16).toString('base64url');
}

/** The name of the process that has a stream. */
export function placeOf(stream: string): string {
  return stream.slice(0, PLACE_LENGTH);
}
