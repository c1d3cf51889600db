import { fault, guarded } from '../clock/index.ts';
import { clientNames } from '../exchange/index.ts';
import type { HoldOptions } from './hold-options.ts';
import type { HistoryAnswer, HistoryQuestion } from './hub-history.ts';
import type { HubRoom } from './hub-room.ts';
import { replaysGap, toldGaps } from './kept-channels.ts';
import { ReplayedHold } from './replayed-hold.ts';
import type { Format } from './step.ts';

/** Seconds until a client is held as its origin has said at first, where the origin does not respond to the replay. */
const LONGEST_WAIT = 30;

/**
 * A client that has come back to channels with `on_gap = "replay"`, before it gets anything. Where the log cannot give it all that it has missed, its request is sent
 * to the origin again, and the response to that is the client's. Otherwise, or where no response comes, it is held as the first response says.
 */
export class GapReplay extends ReplayedHold {
  override readonly format: Format;
  readonly #question: HistoryQuestion;
  readonly #prefix: string;
  readonly #hold: (credits: number) => void;
  #missed: readonly string[] | null = null;

  /**
   * @param question tells whether there is a gap
   * @param hold holds the client as the first response says
   */
  constructor(room: HubRoom, options: HoldOptions, question: HistoryQuestion, hold: (credits: number) => void) {
    const { request, requester, credits, instruct, replay, route = '', channelPrefix = '' } = options;
    super(room, request, requester, credits, { response: instruct.response, replay, route });
    this.format = instruct.hold?.mode === 'response' ? 'http-response' : 'http-stream';
    this.#question = question;
    this.#prefix = channelPrefix;
    this.#hold = hold;
    this.comesFrom(request);
  }

  /** Asks the log. The exchange has been handed over. */
  begin(): void {
    // It is one hold, whichever response it comes from.
    this.enter([], true);
    this.start(LONGEST_WAIT);
    this.keepWithinBound();
    if (!this.isHeld) return;
    this.room.history.ask(
      this.#question,
      guarded(this, (answer: HistoryAnswer) => this.#onAnswer(answer)),
    );
  }

  #onAnswer({ gaps }: HistoryAnswer): void {
    if (!this.isHeld) return;
    if (!replaysGap(this.room, gaps)) {
      this.#goOn();
      return;
    }
    this.#missed = toldGaps(this.room, gaps, this.#prefix);
    this.recover();
  }

  protected override get missed(): readonly string[] | null {
    return this.#missed;
  }

  /** Not before it is known that something is missed. */
  override recover(): void {
    if (this.#missed !== null) super.recover();
  }

  override startReplay(): void {
    const { counters, log } = this.room;
    counters.historyReplays++;
    log.debug({ ...clientNames(this), channels: this.#missed }, 'gap: request sent to its origin again');
    super.startReplay();
  }

  override receive(): number {
    return 1;
  }

  override drain(): void {
    // Its response is waited for.
    if (!this.isAway) this.#goOn();
  }

  /** What the client gets is not known yet, so its connection has to be cut. */
  override disconnect(): boolean {
    return false;
  }

  protected override onTimeout(): void {
    this.#goOn();
  }

  protected override onTooMuch(): void {
    this.#goOn();
  }

  #goOn(): void {
    this.takeBack();
    // The client is held by another from now on.
    this.gone = null;
    this.leave();
    try {
      this.#hold(this.credits);
    } catch (thrown) {
      fault(this, thrown);
    }
    this.over = true;
  }
}
