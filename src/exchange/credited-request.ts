import { CreditedBody } from './credited-body.ts';
import type { Responder } from './exchange.ts';
import { NO_RESPONDER } from './no-responder.ts';

/** A request body on its way to its responder, as the responder's credits allow. It waits until there is a responder. */
export class CreditedRequest extends CreditedBody {
  #responder: Responder = NO_RESPONDER;

  constructor() {
    super(0, true);
  }

  /** From now on `responder` takes the body. Credits granted before count. */
  attach(responder: Responder): void {
    this.#responder = responder;
    this.release();
  }

  protected override pass(chunk: Buffer, more: boolean): void {
    this.#responder.onRequestData(chunk, more);
  }
}
