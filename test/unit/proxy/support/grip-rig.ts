import assert from 'node:assert/strict';
import type { Instruct } from '../../../../src/codec/grip/index.ts';
import { type ExchangeError, type ResponseHead, UNKNOWN_LENGTH } from '../../../../src/exchange/index.ts';
import { GripBytes } from '../../../../src/proxy/grip-bytes.ts';
import { type GripOutcome, GripResponse } from '../../../../src/proxy/grip-response.ts';
import { FakeRequester } from '../../../support/exchange/fake-requester.ts';

/** Fields that hold a response, and a stream. */
export const RESPONSE = ['Grip-Hold', 'response', 'Grip-Channel', 'a'];
export const STREAM = ['Grip-Hold', 'stream', 'Grip-Channel', 'a'];

/** How a client is held. */
export interface Held {
  readonly instruct: Instruct;
  readonly credits: number;
  readonly responseStarted: boolean;
}

/** A GRIP response on its way, between an origin and a client that are both played by the test. */
export class GripRig implements GripOutcome {
  readonly client: FakeRequester;
  readonly response: GripResponse;
  /** What all GRIP responses keep. */
  readonly all: GripBytes;
  held: Held | null = null;
  /** Whether the client gets the beginning of a stream that has not come whole. */
  streaming = false;
  relayed: number | null = null;
  error: ExchangeError | null = null;
  /** Bytes that the origin was granted. */
  originCredit = 0;
  #decided: (() => void) | null = null;

  constructor(head: Partial<ResponseHead>, { method = 'GET', credits = 65_536, all = new GripBytes() } = {}) {
    this.all = all;
    this.client = new FakeRequester(credits);
    const full = { status: 200, reason: 'OK', headers: RESPONSE, bodyLength: UNKNOWN_LENGTH, ...head };
    this.response = new GripResponse(full, method, this.client, credits, this, this.all);
    this.client.responder = {
      onRequestData: () => {},
      onRequestError: () => {},
      onResponseCredit: (bytes) => this.response.credit(bytes),
    };
  }

  onHold(instruct: Instruct, credits: number, responseStarted: boolean): void {
    this.#decide();
    this.held = { instruct, credits, responseStarted };
  }

  onStreaming(): void {
    assert.equal(this.client.head, null);
    this.streaming = true;
  }

  onRelay(status: number): void {
    this.#decide();
    this.relayed = status;
  }

  onGripError(error: ExchangeError): void {
    this.#decide();
    this.error = error;
  }

  onFault(thrown: unknown): void {
    throw thrown;
  }

  onOriginCredit(bytes: number): void {
    this.originCredit += bytes;
  }

  /** The origin sends its whole body. */
  body(text: string | Buffer): this {
    this.response.data(Buffer.from(text as string), false);
    return this;
  }

  /** Resolves when it is clear what becomes of the client. */
  async decided(): Promise<this> {
    if (this.held === null && this.relayed === null && this.error === null) {
      await new Promise<void>((resolve) => {
        this.#decided = resolve;
      });
    }
    return this;
  }

  /** Asserts that it is not clear yet what becomes of the client. */
  assertOpen(): void {
    assert.deepEqual([this.held, this.relayed, this.error], [null, null, null]);
  }

  #decide(): void {
    this.assertOpen();
    queueMicrotask(() => this.#decided?.());
  }
}

/** Asserts that it ended with an error of which the client has not been told. */
export function assertError(rig: GripRig, code: string, detail: RegExp): void {
  assert.equal(rig.error?.code, code);
  assert.match(rig.error?.detail ?? '', detail);
  assert.deepEqual(rig.client.calls, []);
}
