import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { DEFAULT_FETCH_OPTIONS, type FetchOptions, type FetchRequest } from '../../../src/client/index.ts';
import type { WebSocketHop, WebSocketOpener } from '../../../src/client/websocket-opener.ts';
import { TimerWheel } from '../../../src/clock/index.ts';
import { Counters, NO_RESPONDER, type WebSocketRequester } from '../../../src/exchange/index.ts';
import { HttpFetcher } from '../../../src/fetch/index.ts';
import { FakeRequester } from '../../support/exchange/fake-requester.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { ScriptedClient, type SentRequest } from '../client/scripted-client.ts';

/** A request that differs from a plain GET in what a test says. */
export interface RigRequest extends Partial<Omit<FetchRequest, 'options'>> {
  readonly options?: Partial<FetchOptions>;
}

/** A fetcher whose client and whose opener of WebSockets do what the test says. */
export class FetchRig {
  readonly client = new ScriptedClient();
  readonly counters = new Counters();
  readonly log = new FakeLog();
  readonly fetcher: HttpFetcher;
  /** Every WebSocket that was asked for. */
  readonly hops: WebSocketHop[] = [];

  constructor(t: TestContext, ipv4Only = false) {
    const wheel = new TimerWheel();
    t.after(() => wheel.stop());
    const opener: WebSocketOpener = {
      open: (hop) => {
        this.hops.push(hop);
        return NO_RESPONDER;
      },
    };
    const { client, counters, log } = this;
    this.fetcher = new HttpFetcher({ client, opener, wheel, counters, log, ipv4Only });
  }

  /** The request that was sent last. */
  get sent(): SentRequest {
    return this.client.last;
  }

  /** Makes a request. */
  fetch(uri: string, fields: RigRequest = {}): FakeRequester {
    const request = requestOf(uri, fields);
    const requester = new FakeRequester(request.credits);
    requester.responder = this.fetcher.fetch(request, requester);
    return requester;
  }

  /** Makes a request that must not get as far as the client; resolves with why. */
  async refused(uri: string, fields: RigRequest = {}): Promise<{ code: string; detail: string }> {
    const requester = this.fetch(uri, fields);
    const error = await requester.failed();
    assert.equal(this.client.count, 0);
    // Nobody is there any more, and nothing may come of it.
    requester.responder?.onRequestData(Buffer.alloc(0), false);
    requester.responder?.onResponseCredit(1);
    requester.responder?.onRequestError(error);
    return error;
  }

  /** Asks for a WebSocket; resolves with the error if it has failed already. */
  open(uri: string, fields: RigRequest = {}): FakeRequester {
    const request = requestOf(uri, fields);
    const requester = new FakeRequester(request.credits);
    requester.responder = this.fetcher.openWebSocket(request, requester as unknown as WebSocketRequester);
    return requester;
  }
}

export function requestOf(uri: string, fields: RigRequest = {}): FetchRequest {
  return {
    id: '1',
    method: 'GET',
    headers: [],
    bodyLength: 0,
    credits: 65_536,
    ...fields,
    uri,
    options: { ...DEFAULT_FETCH_OPTIONS, ...fields.options },
  };
}

/** Where a request goes whose redirects are followed. */
export const FOLLOWED = 'http://a.example/b/c?d';

/** Makes a request whose redirects are followed. */
export function follow(rig: FetchRig, fields: RigRequest = {}, uri = FOLLOWED): FakeRequester {
  return rig.fetch(uri, { ...fields, options: { followRedirects: true, ...fields.options } });
}
