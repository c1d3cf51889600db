import assert from 'node:assert/strict';
import type { ExchangeError, Payload, RequestHead, Responder, ResponseHead } from '../../../src/exchange/index.ts';
import { FakeRequester } from './fake-requester.ts';
import { requestHead } from './request-head.ts';

/** A client that can be handed over and takes payloads, as the hub needs it. A hub never fails an exchange. */
export class HeldClient extends FakeRequester {
  readonly request: RequestHead;
  readonly payloads: Payload[] = [];
  handOvers = 0;
  /** Called after the head. */
  onHead: () => void = () => {};
  /** Called after the end of the body. */
  onEnd: () => void = () => {};

  constructor(id: string, credits: number) {
    super(credits);
    this.request = requestHead({ id, credits });
  }

  /** The body as UTF-8. */
  override get body(): string {
    return this.texts.join('');
  }

  /** The pieces of the body as UTF-8. */
  get texts(): string[] {
    return this.chunks.map(String);
  }

  override onResponse(head: ResponseHead): void {
    super.onResponse(head);
    this.onHead();
  }

  override onResponseData(chunk: Buffer, more: boolean): void {
    super.onResponseData(chunk, more);
    if (!more) this.onEnd();
  }

  override onResponsePayload(payload: Payload): void {
    assert.ok(payload.body.length > 0, 'no empty payload');
    super.onResponseData(payload.body, true);
    this.payloads.push(payload);
  }

  override onResponseError(error: ExchangeError): void {
    assert.fail(error);
  }

  override handOver(responder: Responder): void {
    this.check('handOver');
    this.handOvers++;
    this.responder = responder;
  }
}
