import { Payload } from '../exchange/index.ts';

/** An item that a client can also get from the log. */
export class KeptPayload extends Payload {
  readonly number: number;

  constructor(body: Buffer, number: number, expires: number) {
    super(body, 1, expires);
    this.number = number;
  }
}
