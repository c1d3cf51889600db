import { CreditedBody } from './credited-body.ts';
import type { Requester } from './exchange.ts';
import type { Payload } from './payload.ts';

/** A response body on its way to its requester, as the requester's credits allow. */
export class CreditedResponse extends CreditedBody {
  readonly #requester: Requester;

  /** @param credits bytes that the requester accepts at first */
  constructor(requester: Requester, credits: number) {
    super(credits);
    this.#requester = requester;
  }

  protected override pass(chunk: Buffer, more: boolean): void {
    this.#requester.onResponseData(chunk, more);
  }

  protected override passPayload(payload: Payload): void {
    this.#requester.onResponsePayload(payload);
  }
}
