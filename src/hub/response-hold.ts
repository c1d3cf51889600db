import type { InstructResponse } from '../codec/grip/index.ts';
import type { Requester } from '../exchange/index.ts';
import { Held } from './held.ts';
import type { HubRoom } from './hub-room.ts';
import type { PublishedResponse } from './published-response.ts';
import type { Replayable } from './replay-pacer.ts';
import { responseHead } from './response-head.ts';
import type { Step } from './step.ts';

const EMPTY = Buffer.alloc(0);

/** The longest wait before a replay that failed is tried again, without jitter, in milliseconds. */
const LONGEST_RETRY = 32_000;

/**
 * Bytes of all held responses, with their header fields, and of the bodies of held requests. Beyond it a response is sent at once.
 * @bound hub-held-responses
 */
export const MAX_HELD_BYTES = 268_435_456;

/** Work of applying a patch: it ends the slice of a delivery. */
const PATCH_WORK = 1_024;

/** A hold whose request is at its origin again: it keeps what is published meanwhile. One of these calls ends that. */
export interface FormerHold {
  /** Bytes of response body that the client has granted and that are unspent. */
  readonly credits: number;
  /** The response to the replay is relayed, or the client left. Harmless twice. */
  release(): void;
  /**
   * The replay failed, and nothing of a response has reached the client: takes the exchange back, goes on holding it, and tries again
   * later.
   * @param credits bytes of response body that the client has granted by now
   * @returns milliseconds until the next try; null if the hold is over
   */
  resume(credits: number): number | null;
}

/** How a held request is sent to its origin again. */
export interface Replay {
  /** Names the target: a bounded number of replays is at each target at once. */
  readonly target: string;
  /** Bytes of the request body, which is kept for it. */
  readonly bytes: number;
  /** Sends the request. Must hand the requester over to another responder before it returns. */
  send(former: FormerHold): void;
}

/** A client that gets its response from an item of its channels, or at the timeout, and no byte before that. */
export class ResponseHold extends Held implements FormerHold, Replayable {
  override readonly format = 'http-response';
  readonly #response: InstructResponse;
  readonly #replay: Replay | null;
  /** Bytes that are kept for it. */
  readonly #cost: number;
  /** Where its request is: held here, waiting for its turn to be replayed (and still held here), or at its origin. */
  #state: 'held' | 'queued' | 'away' = 'held';
  /** A hint or a recovery came while the request was at its origin: the response may be from before it. */
  #again = false;
  /** The first response for each channel that was published meanwhile, oldest first. */
  #kept: Map<string, PublishedResponse> | null = null;
  /** Wheel time of the timeout, in milliseconds. */
  #deadline = 0;
  #failures = 0;
  /** It waits to join its channels. */
  #suspended = false;

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
    this.#cost = costOf(response) + (replay?.bytes ?? 0);
  }

  override enter(names: readonly string[]): void {
    this.room.heldBytes += this.#cost;
    super.enter(names);
  }

  get target(): string {
    return this.#replay?.target ?? '';
  }

  /** @param timeout seconds until the held response itself is sent */
  start(timeout: number): void {
    const { wheel } = this.room;
    this.#deadline = wheel.now + timeout * 1_000;
    wheel.schedule(this, timeout * 1_000);
  }

  /** Sends the response at once, as if its time were over, where too much is held. */
  keepWithinBound(): void {
    const { room } = this;
    if (room.heldBytes <= MAX_HELD_BYTES || !room.holds.has(this)) return;
    room.counters.holdsRefused++;
    room.log.warn({ id: this.id, bytes: this.#cost, held: room.heldBytes }, 'too much is held: responded at once');
    this.drain();
  }

  /** Takes the place of a hold whose replayed request led to this one: goes on with what that one kept. */
  replace(former: ResponseHold): void {
    const again = former.#again;
    former.release();
    if (this.#takeKept(former)) return;
    if (again) this.recover();
  }

  override receive(step: Step): number {
    const published = step as PublishedResponse;
    if (published.hint) {
      this.recover();
      return 1;
    }
    if (this.#state === 'away' || this.#suspended) {
      this.#kept ??= new Map();
      if (!this.#kept.has(published.channel)) this.#kept.set(published.channel, published);
      return 1;
    }
    return this.#take(published);
  }

  override suspendItems(): void {
    this.#suspended = true;
  }

  override resumeItems(): void {
    this.#suspended = false;
    if (this.#state !== 'away' && this.room.holds.has(this)) this.#takeKept(this);
  }

  override recover(): void {
    // An item that was kept during its replay may have ended it already.
    if (this.#replay === null || this.#state === 'queued' || !this.room.holds.has(this)) return;
    if (this.#state === 'away') {
      this.#again = true;
      return;
    }
    this.#state = 'queued';
    this.room.pacer.add(this);
  }

  startReplay(): void {
    this.#state = 'away';
    this.#again = false;
    this.room.wheel.cancel(this);
    this.#replay?.send(this);
  }

  release(): void {
    this.leave();
  }

  resume(credits: number): number | null {
    if (!this.room.holds.has(this)) return null;
    this.credits = credits;
    this.requester.handOver(this);
    this.room.pacer.done(this.target);
    this.#state = 'held';
    if (this.#takeKept(this)) return null;
    const { wheel, draining } = this.room;
    const left = this.#deadline - wheel.now;
    if (draining || left <= 0) {
      if (draining) this.drain();
      else this.onTimer();
      return null;
    }
    const delay = Math.min(LONGEST_RETRY, 1_000 * 2 ** this.#failures++) + Math.random() * 1_000;
    wheel.schedule(this, Math.min(delay, left));
    return delay;
  }

  override drain(): void {
    // The outcome of a replay is not known yet: it is what the client gets.
    if (this.#state === 'away') return;
    const { status, reason, headers, body } = this.#response;
    this.leave();
    this.requester.onResponse(responseHead(status, reason, headers, body.length));
    if (!this.over) this.finish(body);
  }

  override onTimer(): void {
    const { wheel, counters } = this.room;
    const left = this.#deadline - wheel.now;
    if (left > 0) {
      // It is time to replay the request again.
      wheel.schedule(this, left);
      this.recover();
      return;
    }
    counters.holdsTimedOut++;
    this.drain();
  }

  protected override leave(): void {
    const { pacer, holds } = this.room;
    const state = this.#state;
    this.#state = 'held';
    if (holds.has(this)) this.room.heldBytes -= this.#cost;
    super.leave();
    if (state === 'queued') pacer.cancel(this);
    else if (state === 'away') pacer.done(this.target);
  }

  /** Responds with the first item that `former` kept for a channel of this hold. Returns false if there is none. */
  #takeKept(former: ResponseHold): boolean {
    const kept = former.#kept;
    former.#kept = null;
    for (const published of kept?.values() ?? []) {
      if (!this.isMember(published.channel)) continue;
      this.#take(published);
      return true;
    }
    return false;
  }

  #take(published: PublishedResponse): number {
    const { counters, log, patchBody } = this.room;
    let work = 1 + (this.#response.headers.length >>> 5);
    let body = published.body(this.#response, patchBody, () => {
      work += PATCH_WORK;
    });
    if (body === null) {
      // GRIP: a patch that cannot be applied leaves an empty body.
      const problem = isJsonDocument(this.#response.body)
        ? 'body-patch cannot be applied to the held body'
        : 'body-patch cannot be applied: the held body is not a JSON object or array';
      log.info({ id: this.id, channel: published.channel }, `${problem}; the response has no body`);
      body = EMPTY;
    }
    counters.itemsDelivered++;
    this.leave();
    this.requester.onResponse(published.head(this.#response, body.length));
    if (!this.over) this.finish(body);
    return work + (body.length >>> 14);
  }
}

/** Whether a body begins as a JSON object or array does. It is not parsed again only for the log. */
function isJsonDocument(body: Buffer): boolean {
  let at = 0;
  // RFC 8259 §2: space, tab, LF and CR may come first.
  while (body[at] === 0x20 || body[at] === 0x09 || body[at] === 0x0a || body[at] === 0x0d) at++;
  return body[at] === 0x7b || body[at] === 0x5b;
}

function costOf({ headers, body }: InstructResponse): number {
  let cost = body.length;
  for (let i = 0; i < headers.length; i++) cost += (headers[i] as string).length;
  return cost;
}
