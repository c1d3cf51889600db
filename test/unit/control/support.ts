import assert from 'node:assert/strict';
import type { PublishItem } from '../../../src/codec/grip/index.ts';
import { type Publisher, publishService, type Scope } from '../../../src/control/index.ts';
import {
  ControlCounters,
  type RequestHead,
  type Responder,
  UNKNOWN_LENGTH,
  WINDOW,
} from '../../../src/exchange/index.ts';
import type { Publication, Reach } from '../../../src/hub/index.ts';
import { FakeRequester } from '../../support/exchange/fake-requester.ts';
import { requestHead } from '../../support/exchange/request-head.ts';
import { FakeLog } from '../../support/fake-log.ts';

/** What was asked of the publisher, in order. */
export class FakePublisher implements Publisher {
  reach: Reach = 'all';
  readonly calls: (readonly PublishItem[] | 'recover' | 'recover here')[] = [];

  /** Publishers that have to wait for their turn. */
  readonly waiting: Publication[] = [];
  busy = false;
  /** The channel whose idempotency keys were all used for other content. */
  reused = '';
  /** How often a publisher was not done at its turn. */
  turns = 0;

  requestTurn(publication: Publication): void {
    if (this.busy) this.waiting.push(publication);
    else while (!publication.onTurn()) this.turns++;
  }

  cancelTurn(publication: Publication): void {
    this.waiting.splice(this.waiting.indexOf(publication), 1);
  }

  countReceivers(items: readonly PublishItem[], done: (counts: readonly number[]) => void): void {
    done(items.map(({ channel }) => channel.length));
  }

  tellCursors(items: readonly PublishItem[], done: (cursors: readonly (string | null)[]) => void): void {
    done(items.map(({ channel }) => (channel === 'kept' ? 'e-1' : null)));
  }

  /** Who wait for the place of their items; null where all have theirs at once. */
  unordered: (() => void)[] | null = null;
  /** Whether it is known what becomes of items. */
  isKnown = true;
  /** Whether that was told to be known, for each request with idempotency keys. */
  readonly settled: boolean[] = [];

  ordered(done: (known: boolean) => void): void {
    if (this.unordered === null) done(this.isKnown);
    else this.unordered.push(() => done(true));
  }

  learnKeys(): boolean {
    return true;
  }

  settleKeys(_keys: ReadonlyMap<string, string>, known = true): void {
    this.settled.push(known);
  }

  refusal(): null {
    return null;
  }

  reusedKey(items: readonly PublishItem[]): PublishItem | null {
    return items.find(({ channel, extras }) => extras?.repeatKey && channel === this.reused) ?? null;
  }

  publish(items: readonly PublishItem[]): void {
    this.calls.push(items);
  }

  recover(scope: Scope = 'cluster'): void {
    this.calls.push(scope === 'node' ? 'recover here' : 'recover');
  }
}

/** A publish endpoint with all that it reaches. */
export class Endpoint {
  readonly publisher = new FakePublisher();
  readonly counters = new ControlCounters();
  readonly log = new FakeLog();
  readonly #service;

  constructor(maxBodyBytes = 1_000_000) {
    this.#service = publishService(this.publisher, {
      counters: this.counters,
      log: this.log,
      settings: { current: { maxBodyBytes, hosts: ['publish.example'], origins: [], requestRate: 0 } },
    });
  }

  /** Begins a request; its head is that of a plain GET unless `head` says otherwise. */
  begin(head: Partial<RequestHead>): { requester: FakeRequester; responder: Responder } {
    const requester = new FakeRequester(WINDOW);
    const request = requestHead({ authority: 'localhost:5561', headers: [], ...head });
    return { requester, responder: this.#service(request, requester) };
  }

  /** A request without a body. */
  request(method: string, target: string, headers: string[] = []): FakeRequester {
    return this.begin({ method, target, headers }).requester;
  }

  /** A POST with a body of declared length, sent as the credits allow. */
  post(target: string, body: string | Buffer, headers: string[] = []): FakeRequester {
    const bytes = Buffer.from(body);
    const { requester, responder } = this.begin({
      method: 'POST',
      target,
      headers: ['Content-Length', String(bytes.length), ...headers],
      bodyLength: bytes.length,
    });
    if (bytes.length > 0) send(requester, responder, bytes, bytes.length);
    return requester;
  }

  /** A POST with a chunked body. */
  postChunked(target: string, body: string | Buffer, chunkBytes: number): FakeRequester {
    const { requester, responder } = this.begin({
      method: 'POST',
      target,
      headers: ['Transfer-Encoding', 'chunked'],
      bodyLength: UNKNOWN_LENGTH,
    });
    send(requester, responder, Buffer.from(body), chunkBytes);
    return requester;
  }
}

/** Sends `body` in chunks of at most `chunkBytes`, never more than is granted, until it is through or answered. */
function send(requester: FakeRequester, responder: Responder, body: Buffer, chunkBytes: number): void {
  let offset = 0;
  while (!requester.complete) {
    const length = Math.min(chunkBytes, requester.requestCredit, body.length - offset);
    assert.ok(length > 0 || offset === body.length, 'the body does not stall for want of credits');
    requester.requestCredit -= length;
    const chunk = body.subarray(offset, offset + length);
    offset += length;
    responder.onRequestData(chunk, offset < body.length);
  }
}
