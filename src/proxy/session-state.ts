import { encodeHeaderText, parseSessionFields, type SessionFields, type SessionRule } from '../codec/grip/index.ts';
import { hostOf, isFieldText } from '../codec/http1/index.ts';
import type { HeaderList, PartState } from '../exchange/index.ts';
import type { SessionNotes } from '../hub/index.ts';

/** The service that keeps the sessions (GRIP). What it fails to tell is as if it were not so. */
export interface SessionState {
  /** Calls `done` once, soon, with the rules for requests to a path of a domain. */
  rulesFor(domain: string, path: string, done: (rules: readonly SessionRule[]) => void): void;
  /** Calls `done` once, soon, with the last ids of a session, by channel. */
  lastIds(sid: string, done: (lastIds: Readonly<Record<string, string>>) => void): void;
  /** Notes what a response says. */
  note(fields: SessionFields): void;
  /** The client of a session has got an item. */
  delivered(sid: string, channel: string, id: string): void;
}

/** The session that a request belongs to, as its origin is told. */
export interface DetectedSession {
  readonly id: string;
  /** Values of `Grip-Last`. */
  readonly gripLast: readonly string[];
}

export function detectedSession(sid: string, lastIds: Readonly<Record<string, string>>): DetectedSession {
  const gripLast: string[] = [];
  for (const [channel, id] of Object.entries(lastIds)) {
    const value = encodeHeaderText(`${channel}; last-id=${id}`);
    // The service may know what no header can carry (RFC 9110 §5.5).
    if (isFieldText(value)) gripLast.push(value);
  }
  return { id: encodeHeaderText(sid), gripLast };
}

/** From what another process makes a `HeldSession` again. */
export interface SessionPart extends PartState {
  readonly sid: string;
  readonly prefix: string;
}

/** Tells the state service which items a held client gets. */
export class HeldSession implements SessionNotes {
  readonly #state: SessionState;
  readonly #sid: string;
  readonly #prefix: string;

  /** @param prefix in front of the names of channels, which the state service knows without it, as the origin does */
  constructor(state: SessionState, sid: string, prefix: string) {
    this.#state = state;
    this.#sid = sid;
    this.#prefix = prefix;
  }

  get state(): SessionPart {
    return { kind: 'session', sid: this.#sid, prefix: this.#prefix };
  }

  onItem(channel: string, id: string): void {
    const name = channel.startsWith(this.#prefix) ? channel.slice(this.#prefix.length) : channel;
    this.#state.delivered(this.#sid, name, id);
  }
}

/**
 * Tells the state service what an instruct says of sessions.
 * @param authority of the request
 * @returns the session that it names; null where it names none, or where there is no state service
 */
export function notedSession(
  { sessions }: SessionRoom,
  headers: HeaderList,
  authority: string,
  prefix: string,
): HeldSession | null {
  if (sessions === null) return null;
  const fields = parseSessionFields(headers, hostOf(authority));
  sessions.note(fields);
  return fields.id === null ? null : new HeldSession(sessions, fields.id, prefix);
}

/** The session that a client had in another process; null where it had none, or where there is no state service any more. */
export function movedSession({ sessions }: SessionRoom, part: PartState | null): HeldSession | null {
  if (part === null || sessions === null) return null;
  const { sid, prefix } = part as SessionPart;
  return new HeldSession(sessions, sid, prefix);
}

interface SessionRoom {
  readonly sessions: SessionState | null;
}
