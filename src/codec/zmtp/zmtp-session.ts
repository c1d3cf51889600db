import { checkGreeting, encodeGreeting, GREETING_BYTES, parseGreeting } from './greeting.ts';
import type { Mechanism } from './mechanism.ts';
import type { Metadata } from './metadata.ts';
import { PieceReader } from './piece-reader.ts';
import { type Command, parseCommand } from './zmtp-command.ts';
import { ZmtpError } from './zmtp-error.ts';
import { MAX_COMMAND_BYTES, type ZmtpLimits } from './zmtp-limits.ts';
import { COMMAND, LONG, MORE } from './zmtp-writer.ts';

/** `next()`: needs more input. */
export const NEED_INPUT = 0;
/** `next()`: the handshake is complete; `minor` and `peer` are set. */
export const READY = 1;
/** `next()`: a whole message has arrived; `takeMessage()` returns it. */
export const MESSAGE = 2;
/** `next()`: a command has arrived after the handshake; `command` is set. */
export const COMMAND_FRAME = 3;

// What is read next: greeting, then frame after frame.
const GREETING = 0;
const FLAGS = 1;
const SHORT_LENGTH = 2;
const LONG_LENGTH = 3;
const BODY = 4;

/** Bytes charged for a part on top of its length. */
const PART_COST = 128;

const NO_PEER: Metadata = new Map();
const NO_COMMAND: Command = { name: '', data: Buffer.alloc(0) };

/** How far an established session has read, as plain data. */
export interface ZmtpSessionState {
  readonly minor: 0 | 1;
  readonly peer: readonly (readonly [string, Buffer])[];
  /** What is read next, and the head of the frame that has begun. */
  readonly step: number;
  readonly flags: number;
  readonly length: number;
  /** Whole parts of an incomplete message. */
  readonly parts: readonly Buffer[];
  /** Input that was not taken. */
  readonly unread: Buffer;
}

/**
 * The peer's side of one ZMTP 3.x connection, without any I/O of its own: bytes go in through `push`, events come out of `next`, and handshake output
 * comes from `takeOutput`.
 */
export class ZmtpSession {
  /** Minor version that both ends use, once the greeting is here. */
  minor: 0 | 1 = 0;
  /** The peer's properties, once the handshake is complete. */
  peer = NO_PEER;
  /** The last command read. */
  command = NO_COMMAND;
  readonly #mechanism: Mechanism;
  readonly #limits: ZmtpLimits;
  readonly #reader = new PieceReader();
  #state = GREETING;
  #established = false;
  #flags = 0;
  #length = 0;
  #parts: Buffer[] = [];
  #partsBytes = 0;
  #output: Buffer[];

  constructor(mechanism: Mechanism, limits: ZmtpLimits) {
    this.#mechanism = mechanism;
    this.#limits = limits;
    this.#output = [encodeGreeting(mechanism.name, mechanism.asServer)];
  }

  /** Bytes held of an incomplete message, including a fixed cost for each part; 0 between messages. */
  get held(): number {
    return this.#reader.held + this.#partsBytes + this.#parts.length * PART_COST;
  }

  /** Bytes that the handshake has to send, starting with the greeting; empty if nothing. */
  takeOutput(): Buffer[] {
    const output = this.#output;
    this.#output = [];
    return output;
  }

  /** Takes bytes from the peer. Messages are views of them. */
  push(chunk: Buffer): void {
    this.#reader.push(chunk);
  }

  /**
   * Reads up to the next event: `NEED_INPUT`, `READY`, `MESSAGE` or `COMMAND_FRAME`.
   * @throws ZmtpError if the peer breaks the protocol or exceeds a limit; the session must not be used afterwards
   */
  next(): number {
    const reader = this.#reader;
    for (;;) {
      switch (this.#state) {
        case GREETING:
          if (!this.#readGreeting()) return NEED_INPUT;
          this.#state = FLAGS;
          break;
        case FLAGS: {
          const flags = reader.byte();
          if (flags === -1) return NEED_INPUT;
          this.#checkFlags(flags);
          this.#flags = flags;
          this.#state = (flags & LONG) === 0 ? SHORT_LENGTH : LONG_LENGTH;
          break;
        }
        case SHORT_LENGTH: {
          const length = reader.byte();
          if (length === -1) return NEED_INPUT;
          this.#announce(length);
          break;
        }
        case LONG_LENGTH: {
          // A length that a double cannot represent exactly exceeds every limit anyway.
          const length = reader.integer();
          if (length === -1) return NEED_INPUT;
          this.#announce(length);
          break;
        }
        default: {
          const body = reader.take(this.#length);
          if (body === null) return NEED_INPUT;
          this.#state = FLAGS;
          if ((this.#flags & COMMAND) === 0) {
            this.#parts.push(body);
            this.#partsBytes += body.length;
            if ((this.#flags & MORE) === 0) return MESSAGE;
          } else {
            const event = this.#takeCommand(parseCommand(body));
            if (event !== NEED_INPUT) return event;
          }
        }
      }
    }
  }

  /** The message that `next` announced; it belongs to the caller from now on. It has at least one part. */
  takeMessage(): Buffer[] {
    const parts = this.#parts;
    this.#parts = [];
    this.#partsBytes = 0;
    return parts;
  }

  /** From what another session goes on; the handshake is complete. */
  get state(): ZmtpSessionState {
    return {
      minor: this.minor,
      peer: [...this.peer],
      step: this.#state,
      flags: this.#flags,
      length: this.#length,
      parts: this.#parts,
      unread: this.#reader.unread,
    };
  }

  /** Goes on where another session was, in place of a handshake. To be called before anything else. */
  restore({ minor, peer, step, flags, length, parts, unread }: ZmtpSessionState): void {
    this.minor = minor;
    this.peer = new Map(peer);
    this.#output = [];
    this.#established = true;
    this.#state = step;
    this.#flags = flags;
    this.#length = length;
    this.#parts = [...parts];
    this.#partsBytes = parts.reduce((sum, part) => sum + part.length, 0);
    if (unread.length > 0) this.#reader.push(unread);
  }

  #readGreeting(): boolean {
    const reader = this.#reader;
    checkGreeting(reader.peek(GREETING_BYTES));
    const bytes = reader.take(GREETING_BYTES);
    if (bytes === null) return false;
    const greeting = parseGreeting(bytes);
    const mechanism = this.#mechanism;
    // RFC 23: both ends must name the same one.
    if (greeting.mechanism !== mechanism.name) {
      throw new ZmtpError('mechanism', `the peer offers ${greeting.mechanism}, not ${mechanism.name}`);
    }
    this.minor = greeting.minor;
    const first = mechanism.start();
    if (first !== null) this.#output.push(first);
    return true;
  }

  #checkFlags(flags: number): void {
    // RFC 23, "Framing": bits 7 to 3 are reserved and zero.
    if (flags > (COMMAND | LONG | MORE)) throw new ZmtpError('malformed', `reserved flags in a frame: ${flags}`);
    if ((flags & COMMAND) !== 0) {
      if ((flags & MORE) !== 0) throw new ZmtpError('malformed', 'a command in several frames');
      if (this.#parts.length > 0) throw new ZmtpError('malformed', 'a command inside a message');
    } else if (!this.#established) {
      throw new ZmtpError('unexpected', 'a message before the handshake is complete');
    } else if (this.#parts.length >= this.#limits.maxParts) {
      throw new ZmtpError('limit', `a message of more than ${this.#limits.maxParts} parts`);
    }
  }

  #announce(length: number): void {
    if ((this.#flags & COMMAND) !== 0) {
      if (length > MAX_COMMAND_BYTES) throw new ZmtpError('limit', `a command of ${length} bytes`);
    } else if (this.#partsBytes + length > this.#limits.maxMessageBytes) {
      throw new ZmtpError('limit', `a message of more than ${this.#limits.maxMessageBytes} bytes`);
    }
    this.#length = length;
    this.#state = BODY;
  }

  /** Returns the event of the command; `NEED_INPUT` if it is only a handshake step. */
  #takeCommand(command: Command): number {
    this.command = command;
    if (this.#established) return COMMAND_FRAME;
    const { reply, peer } = this.#mechanism.receive(command);
    if (reply !== null) this.#output.push(reply);
    if (peer === null) return NEED_INPUT;
    this.peer = peer;
    this.#established = true;
    return READY;
  }
}
