import { type AwaitsTurn, turnBudget } from '../clock/index.ts';
import { InputError } from '../codec/input-error/index.ts';
import type { ByteHolder, HeldTotal, RawReader } from '../exchange/index.ts';

/**
 * Bytes of one message of a WebSocket, or of a JSON or XML socket. Frames of a message and what is between them are joined.
 * @bound mongrel2-message
 */
export const MAX_MESSAGE_BYTES = 262_144;

/**
 * Bytes of messages that are not complete, or wait for their handler, of all WebSockets and sockets of a site, and of bodies of requests that are not
 * complete; each connection that has any costs at least 256.
 * @bound mongrel2-messages-total
 */
export const MAX_INPUT_BYTES = 67_108_864;

/** Whose connection the input comes from. */
export interface InputOwner {
  /** Reads nothing more from the client for now. */
  pauseInput(paused: boolean): void;
  /** What waits in all inputs of the site. */
  readonly inputs: HeldTotal;
  /** The client does not keep to the protocol, or to a bound: the connection ends. */
  onBroken(reason: string): void;
  onFault(thrown: unknown): void;
}

/**
 * Reads the messages of a client whose connection speaks no HTTP any more, its share of them in each turn of the event loop. What it keeps of a chunk that
 * was read is counted, and meanwhile the client is not read.
 */
export abstract class ClientInput implements RawReader, AwaitsTurn, ByteHolder {
  protected readonly owner: InputOwner;
  /** What was read, and not taken yet: `#rest` from `#at` on. */
  #rest: Buffer | null = null;
  #at = 0;
  /** It waits for its turn. */
  #resting = false;
  /** Its handler takes nothing. */
  #paused = false;
  #over = false;
  /** Bytes that `inputs` counts. */
  #charged = 0;

  constructor(owner: InputOwner) {
    this.owner = owner;
  }

  /** Bytes of memory for a message that is not complete. */
  protected abstract readonly held: number;

  /**
   * Takes one message, or what there is of it, from `at`. Returns where it stopped.
   * @throws InputError
   */
  protected abstract take(input: Buffer, at: number): number;

  onInput(chunk: Buffer): void {
    if (this.#over) return;
    // The client is not read while something is left: this is what was on its way.
    if (this.#rest !== null) chunk = Buffer.concat([this.#rest.subarray(this.#at), chunk]);
    this.#takeFrom(chunk, 0);
  }

  /** The handler takes nothing for now, or takes messages again. */
  pause(paused: boolean): void {
    if (this.#over || this.#paused === paused) return;
    this.#paused = paused;
    if (paused) this.owner.pauseInput(true);
    else if (this.#rest === null) this.owner.pauseInput(false);
    else this.#restUntilTurn();
  }

  onTurn(): void {
    this.#resting = false;
    if (this.#over || this.#paused) return;
    if (this.#rest !== null) this.#takeFrom(this.#rest, this.#at);
    if (this.#readable) this.owner.pauseInput(false);
  }

  get #readable(): boolean {
    return this.#rest === null && !this.#over && !this.#paused;
  }

  /** The connection is closed, or nothing more is to be taken from it. */
  end(): void {
    this.#over = true;
    this.#rest = null;
    this.#charge();
  }

  onHeldTooMuch(): void {
    this.#charged = 0;
    this.#break('messages that are not complete take too much memory');
  }

  onFault(thrown: unknown): void {
    this.owner.onFault(thrown);
  }

  #takeFrom(input: Buffer, from: number): void {
    let at = from;
    let left = turnBudget.shareOf(input.length - from);
    this.#rest = null;
    try {
      while (at < input.length && left > 0 && !this.#paused) {
        at = this.take(input, at);
        left--;
        if (this.#over) return;
      }
    } catch (thrown) {
      if (!(thrown instanceof InputError)) throw thrown;
      this.#break(thrown.message);
      return;
    }
    if (at < input.length) this.#keep(input, at);
    this.#charge();
  }

  #keep(input: Buffer, at: number): void {
    this.#rest = input;
    this.#at = at;
    this.owner.pauseInput(true);
    if (!this.#paused) this.#restUntilTurn();
  }

  #restUntilTurn(): void {
    if (this.#resting) return;
    this.#resting = true;
    turnBudget.wait(this);
  }

  /** Counts what is kept now in place of what was kept before. */
  #charge(): void {
    const kept = this.#over ? 0 : this.held + (this.#rest?.length ?? 0);
    if (kept === this.#charged) return;
    const { inputs } = this.owner;
    if (this.#charged > 0) inputs.releaseAll(this);
    this.#charged = kept;
    if (kept > 0) inputs.hold(this, kept);
  }

  #break(reason: string): void {
    if (this.#over) return;
    this.end();
    this.owner.onBroken(reason);
  }
}
