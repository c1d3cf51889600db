import { CreditedBody, type Responder } from '../exchange/index.ts';

/** The body of a request on its way from the requester to the target. */
export class RequestBody extends CreditedBody {
  /** Who takes it; to be set before the body is released. */
  responder: Responder | null = null;
  /** Bytes that the target has taken and the requester has not been granted again. */
  #taken = 0;
  /** Bytes of the first packet that are still here. They were sent without a grant, so they are not granted again. */
  #free: number;

  /** @param first what the first packet has of the body @param more whether that is not all */
  constructor(first: Buffer, more: boolean) {
    super(0, true);
    this.#free = first.length;
    this.give(first, !more);
  }

  /** Returns how many bytes the target has taken since the last call, without those that came with the first packet. */
  settle(): number {
    const taken = this.#taken;
    this.#taken = 0;
    return taken;
  }

  protected override pass(chunk: Buffer, more: boolean): void {
    const free = Math.min(this.#free, chunk.length);
    this.#free -= free;
    this.#taken += chunk.length - free;
    this.responder?.onRequestData(chunk, more);
  }
}
