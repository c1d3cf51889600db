import type { Socket } from 'node:net';
import { turnBudget } from '../clock/index.ts';
import { type ExchangeError, internalError, type Peer, type RawReader } from '../exchange/index.ts';
import { ClientConnection } from './client-connection.ts';
import type { ConnectionHost } from './connection-host.ts';
import type { ChannelConnection, RawChannel } from './raw-channel.ts';
import { PROBE_INTERVAL } from './server-limits.ts';

/** A connection whose input goes to a reader as it comes: what is spoken on it is no matter of the server. */
export class RawConnection extends ClientConnection implements ChannelConnection {
  override readonly id: string;
  override readonly requestId = '';
  /** Null until the first bytes. */
  #reader: RawReader | null = null;
  readonly #newReader: (connection: RawConnection) => RawReader;
  /** Null until somebody writes to the client. */
  #channel: RawChannel | null = null;
  /** The reader takes nothing for now. */
  #held = false;

  /** @param newReader gives the reader when the first bytes are here */
  constructor(
    socket: Socket,
    server: ConnectionHost,
    peer: Peer,
    id: string,
    newReader: (connection: RawConnection) => RawReader,
  ) {
    super(socket, server, peer);
    this.id = id;
    this.#newReader = newReader;
  }

  /** Takes the socket over from `former`, with what is written to it. */
  open(former: ClientConnection, channel: RawChannel): void {
    this.#channel = channel;
    channel.connection = this;
    this.succeed(former);
    if (former.blocked) this.block();
    this.keepAlive();
    this.watch();
    // Not within the call that the reader itself makes.
    if (this.unread !== null) this.rest();
  }

  // ---- input

  protected override consume(input: Buffer): Buffer | null {
    if (this.#held) return input;
    if (turnBudget.shareOf(input.length) === 0) {
      this.rest();
      return input;
    }
    this.#reader ??= this.#newReader(this);
    this.#reader.onInput(input);
    return null;
  }

  protected override afterInput(): void {
    if (this.inputEnded && !this.finished && this.unread === null) this.cut();
  }

  /** As for every raw client, a FIN means that the client has left. */
  onInputEnd(): void {
    this.inputEnded = true;
    if (!this.finished && !this.resting) this.cut();
  }

  pauseInput(paused: boolean): void {
    if (this.#held === paused) return;
    this.#held = paused;
    this.watch();
    if (!paused && this.unread !== null) this.rest();
  }

  stopInput(): void {
    this.discardInput();
  }

  // ---- output

  /** @param channel of this connection, for its first reader */
  set channel(channel: RawChannel) {
    this.#channel = channel;
  }

  get over(): boolean {
    return this.finished;
  }

  get exchanging(): boolean {
    return false;
  }

  get responding(): boolean {
    return false;
  }

  giveInput(): void {}

  protected override returnCredit(): void {
    this.#channel?.onDrain();
  }

  // ---- the end

  override onFault(thrown: unknown): void {
    this.fault(internalError(thrown));
  }

  /** Whoever reads or writes it has thrown. */
  fault(error: ExchangeError): void {
    this.reportFault(error);
    this.cut();
  }

  /** Sends nothing to a connection that is one too many: what is spoken on it is not known. */
  turnAway(_error: ExchangeError): void {
    this.cut();
  }

  /** Its owner says when it ends. */
  drain(): void {
    if (this.#channel === null) this.cut();
  }

  leaveIfIdle(): boolean {
    return false;
  }

  protected override onDeadline(): void {
    if (this.finished) this.endLingering();
    else if (this.blocked) this.cutStalled();
    else if (this.paused) this.probe();
  }

  override watch(): void {
    if (this.blocked || this.finished) return;
    if (this.paused) this.setDeadline(PROBE_INTERVAL);
    else this.clearDeadline();
  }

  protected override writeProbe(): void {
    this.socket.write('', 'latin1');
  }

  protected override dropExchanges(): void {}

  override cut(): void {
    // What was written in the same call was written before.
    while (this.socket.writableCorked > 0) this.socket.uncork();
    this.socket.destroy();
  }

  onClosed(): void {
    this.finished = true;
    this.unread = null;
    this.stopTimer();
    this.#channel?.onClosed();
  }
}
