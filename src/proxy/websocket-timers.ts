import { WheelTimer } from '../clock/index.ts';
import type { MessageContent } from '../codec/grip/index.ts';
import { clientNames, type FaultReport, reportFault } from '../exchange/index.ts';
import type { WebSocketHold } from '../hub/index.ts';

/** Sends a message to a client at a time that its origin has chosen. */
abstract class MessageTimer extends WheelTimer {
  protected readonly room: FaultReport;
  protected readonly hold: WebSocketHold;
  protected readonly message: MessageContent;

  constructor(room: FaultReport, hold: WebSocketHold, message: MessageContent, seconds: number) {
    super();
    this.room = room;
    this.hold = hold;
    this.message = message;
    hold.schedule(this, seconds * 1_000);
  }

  stop(): void {
    this.hold.schedule(this, null);
  }

  /** Milliseconds until its time; null where that is not set. */
  get left(): number | null {
    return this.hold.left(this);
  }

  /** Restarts its timer. */
  goOn(left: number | null): void {
    this.hold.schedule(this, left);
  }

  override onFault(thrown: unknown): void {
    reportFault(this.room, thrown, { ...clientNames(this.hold) });
  }
}

/** From what another process makes a timer again. */
export interface TimerState {
  readonly message: MessageContent;
  /** Seconds. */
  readonly timeout: number;
  readonly interval: boolean;
  /** Milliseconds until its time; null where that is not set. */
  readonly left: number | null;
}

/** Sends a message again and again: after so long without another one, or at an interval. */
export class KeepAliveMessage extends MessageTimer {
  readonly #milliseconds: number;
  readonly #interval: boolean;

  constructor(room: FaultReport, hold: WebSocketHold, message: MessageContent, seconds: number, interval: boolean) {
    super(room, hold, message, seconds);
    this.#milliseconds = seconds * 1_000;
    this.#interval = interval;
  }

  get state(): TimerState {
    const { message, left } = this;
    return { message, timeout: this.#milliseconds / 1_000, interval: this.#interval, left };
  }

  override onTimer(): void {
    const { silence } = this.hold;
    if (!this.#interval && silence < this.#milliseconds) {
      this.hold.schedule(this, this.#milliseconds - silence);
      return;
    }
    this.hold.schedule(this, this.#milliseconds);
    // A client that does not take what it has already is not helped by more.
    if (this.hold.idle) this.hold.sendOwn(this.message);
  }
}

/** Sends a message once, later. */
export class DelayedMessage extends MessageTimer {
  get state(): TimerState {
    const { message, left } = this;
    return { message, timeout: 0, interval: false, left };
  }

  /** Sends it now, if it has not been sent yet. */
  flush(): void {
    if (!this.waiting) return;
    this.stop();
    this.hold.sendOwn(this.message);
  }

  override onTimer(): void {
    this.hold.sendOwn(this.message);
  }
}
