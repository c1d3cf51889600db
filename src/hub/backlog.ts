import { CreditedBody, type ExchangeRecord, type Payload, type Requester } from '../exchange/index.ts';
import type { HubRoom } from './hub-room.ts';
import { KeptPayload } from './kept-payload.ts';

/** The client whose bytes wait. */
export interface BacklogOwner {
  /** Takes notes of the exchange; null for nobody. */
  readonly record: ExchangeRecord | null;
  /** Bytes are about to be passed. `more` is false for the last ones. */
  onBacklogPass(more: boolean): void;
}

/** What waits for the credits of one client, oldest first. It exists only while something waits, or is held back. */
export class Backlog extends CreditedBody {
  readonly #requester: Requester;
  readonly #room: HubRoom;
  readonly #owner: BacklogOwner;

  constructor(requester: Requester, credits: number, room: HubRoom, owner: BacklogOwner) {
    super(credits);
    this.#requester = requester;
    this.#room = room;
    this.#owner = owner;
  }

  override givePayload(payload: Payload): void {
    this.#room.budget.take(payload);
    super.givePayload(payload);
  }

  /** Removes items that are in the log. Returns them in their order. */
  takeKept(): readonly KeptPayload[] {
    return this.take((payload): payload is KeptPayload => payload instanceof KeptPayload);
  }

  protected override pass(chunk: Buffer, more: boolean): void {
    this.#owner.onBacklogPass(more);
    this.#requester.onResponseData(chunk, more);
  }

  protected override passPart(whole: Buffer, start: number, end: number, more: boolean): void {
    if (this.#requester.onResponsePart === undefined) {
      super.passPart(whole, start, end, more);
      return;
    }
    this.#owner.onBacklogPass(more);
    this.#requester.onResponsePart(whole, start, end, more);
  }

  protected override passPayload(payload: Payload): void {
    this.#owner.onBacklogPass(true);
    this.#requester.onResponsePayload(payload);
  }

  protected override payloadExpired({ items }: Payload): void {
    this.#room.counters.itemsExpired += items;
  }

  protected override payloadLeft(payload: Payload, dropped: boolean): void {
    this.#room.budget.release(payload);
    if (dropped) return;
    this.#room.counters.itemsDelivered += payload.items;
    const { record } = this.#owner;
    if (record !== null) record.items += payload.items;
  }
}
