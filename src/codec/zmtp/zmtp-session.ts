import { checkGreeting, encodeGreeting, GREETING_BYTES, parseGreeting } from './greeting.ts';
import type { Mechanism } from './mechanism.ts';
import type { Metadata } from './metadata.ts';
import { PieceReader } from './piece-reader.ts';
import { type Command, parseCommand } from './zmtp-command.ts';
import { ZmtpError } from './zmtp-error.ts';
import { MAX_COMMAND_BYTES, type ZmtpLimits } from './zmtp-limits.ts';
import { COMMAND, LONG, MORE } from './zmtp-writer.ts';

/** `next()`: nothing more without more input. */
export const NEED_INPUT = 0;
/** `next()`: the handshake is complete; `minor` and `peer` are set. */
export const READY = 1;
/** `next()`: a whole message has arrived; `takeMessage()` gives it. */
export const MESSAGE = 2;
/** `next()`: a command has arrived after the handshake; `command` is set. */
export const COMMAND_FRAME = 3;

// What is read next: greeting, then frame after frame.
const GREETING = 0;
const FLAGS = 1;
const SHORT_LENGTH = 2;
const LONG_LENGTH = 3;
const BODY = 4;

/** Bytes that a part takes beside its own. */
const PART_COST = 128;

const NO_PEER: Metadata = new Map();
const NO_COMMAND: Command = { name: '', data: Buffer.alloc(0) };

/**
 * The peer's side of one ZMTP 3.x connection, without any input or output of its own: bytes go in by `push`, events come out of
 * `next`, and what the handshake has to send out of `takeOutput`.
 */
export class ZmtpSession {
  /** Minor version that both ends speak, once the greeting is here. */
  minor: 0 | 1 = 0;
  /** The peer's properties, once the handshake is complete. */
  peer = NO_PEER;
  /** The command that was read last. */
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

  /** Bytes held of what the peer has begun to send, a fixed cost for each part included; 0 between two messages. */
  get held(): number {
    return this.#reader.held + this.#partsBytes + this.#parts.length * PART_COST;
  }

  /** What the handshake has to send by now, the greeting to begin with; empty if nothing. */
  takeOutput(): Buffer[] {
    const output = this.#output;
    this.#output = [];
    return output;
  }

  /** Takes bytes of the peer. Messages are views of them. */
  push(chunk: Buffer): void {
    this.#reader.push(chunk);
  }

  /**
   * Reads up to the next event: `NEED_INPUT`, `READY`, `MESSAGE` or `COMMAND_FRAME`.
   * @throws ZmtpError when the peer breaks the protocol or a limit; the session must not be used afterwards
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
          // Any length that a double cannot hold exactly is over every limit all the same.
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

  /** The message that `next` has announced; it is the caller's from now on. Its first part exists always. */
  takeMessage(): Buffer[] {
    const parts = this.#parts;
    this.#parts = [];
    this.#partsBytes = 0;
    return parts;
  }

  #readGreeting(): boolean {
    const reader = this.#reader;
    checkGreeting(reader.peek(GREETING_BYTES));
    const bytes = reader.take(GREETING_BYTES);
    if (bytes === null) return false;
    const greeting = parseGreeting(bytes);
    const mechanism = this.#mechanism;
    // RFC 23: both ends have to name the same one.
    if (greeting.mechanism !== mechanism.name) {
      throw new ZmtpError('mechanism', `the peer offers ${greeting.mechanism}, and not ${mechanism.name}`);
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

  /** Returns the event that the command makes; `NEED_INPUT` when it is a step of the handshake only. */
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
