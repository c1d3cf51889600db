import type { InstructResponse } from '../codec/grip/index.ts';
import type { Requester } from '../exchange/index.ts';
import { type PublishedAnswer, responseHead } from './answer.ts';
import { EMPTY, Held, type HubRoom } from './held.ts';

/** A hold whose request is at its origin again: it keeps what is published meanwhile, until it is handed on or released. */
export interface FormerHold {
  /** Bytes of response body that the client has granted and that are unspent. */
  readonly credits: number;
  /** To be called when the replay did not end in another hold: its answer is relayed, or the client left. Harmless twice. */
  release(): void;
}

/** Sends a held request to its origin again. Must hand the requester over to another responder before it returns. */
export type Replay = (former: FormerHold) => void;

/** A client that gets no byte until an item of its channels, or the timeout, answers it. */
export class ResponseHold extends Held implements FormerHold {
  readonly #response: InstructResponse;
  readonly #replay: Replay | null;
  #replaying = false;
  /** Whether a hint or a recovery came while the request was at its origin: the answer may be from before it. */
  #again = false;
  /** The first answer for each channel that came meanwhile, oldest first. */
  #kept: Map<string, PublishedAnswer> | null = null;

  constructor(
    room: HubRoom,
    id: string,
    requester: Requester,
    credits: number,
    response: InstructResponse,
    replay: Replay | null,
  ) {
    super(room, id, requester, credits);
    this.#response = response;
    this.#replay = replay;
  }

  /** @param timeout seconds until the held response itself is the answer */
  start(timeout: number): void {
    this.room.wheel.schedule(this, timeout * 1_000);
  }

  /** Goes on in the place of a hold whose replayed request led to this one: with what that one kept. */
  replace(former: ResponseHold): void {
    former.release();
    for (const answer of former.#kept?.values() ?? []) {
      if (this.memberships.some(({ channel }) => channel.name === answer.channel)) {
        this.take(answer);
        return;
      }
    }
    if (former.#again) this.recover();
  }

  /** An item was published to one of the channels. */
  take(answer: PublishedAnswer): void {
    if (answer.hint) {
      this.recover();
    } else if (this.#replaying) {
      this.#kept ??= new Map();
      if (!this.#kept.has(answer.channel)) this.#kept.set(answer.channel, answer);
    } else {
      let body = answer.body(this.#response, this.room.patchBody);
      if (body === null) {
        // GRIP: a patch that cannot be applied leaves an empty body.
        this.room.log.info({ id: this.id, channel: answer.channel }, 'body-patch does not fit: the answer has no body');
        body = EMPTY;
      }
      this.room.counters.itemsDelivered++;
      this.leave();
      this.requester.onResponse(answer.head(this.#response, body.length));
      if (!this.over) this.finish(body);
    }
  }

  override recover(): void {
    if (this.#replaying) {
      this.#again = true;
    } else if (this.#replay !== null) {
      this.#replaying = true;
      this.room.wheel.cancel(this);
      this.#replay(this);
    }
  }

  override drain(): void {
    // The replay's answer is not known yet: it is what the client gets.
    if (this.#replaying) return;
    const { status, reason, headers, body } = this.#response;
    this.leave();
    this.requester.onResponse(responseHead(status, reason, headers, body.length));
    if (!this.over) this.finish(body);
  }

  override onTimer(): void {
    this.room.counters.holdsTimedOut++;
    this.drain();
  }

  release(): void {
    this.leave();
  }
}
