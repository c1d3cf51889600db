import type { ExchangeError } from '../../../src/exchange/index.ts';
import type { HistoryStore } from '../../../src/history/index.ts';
import type { WebSocketHold, WebSocketHoldOptions, WebSocketOwner } from '../../../src/hub/index.ts';
import { FakeWebSocketRequester } from '../../support/exchange/fake-websocket-requester.ts';
import type { HubRig } from './support.ts';

/** A client with a WebSocket that takes so many bytes, its hold, and what its owner was told. */
export class WebSocketSite implements WebSocketOwner {
  readonly requester: FakeWebSocketRequester;
  readonly hold: WebSocketHold;
  readonly failures: string[] = [];
  closed = false;

  constructor({ hub }: HubRig, options: Partial<WebSocketHoldOptions> = {}) {
    const { credits = 65_536 } = options;
    this.requester = new FakeWebSocketRequester(credits);
    this.requester.onResponse({ status: 101, reason: '', headers: [], bodyLength: 0 });
    this.hold = hub.holdWebSocket({ id: '1-1', requester: this.requester, credits, owner: this, ...options });
  }

  /** The client takes so many bytes more. */
  credit(bytes: number): void {
    this.requester.credits += bytes;
    this.hold.credit(bytes);
  }

  /** What it has got, with the cursors of `E`. */
  shown(store: HistoryStore): readonly string[] {
    return this.requester.events.map((event) => event.replaceAll(store.epoch, 'E'));
  }

  onRelayed(): void {}

  onReplied(): void {}

  onOwnPassed(): void {}

  onPublishedClose(): void {
    this.closed = true;
  }

  onRefresh(): void {}

  onHoldFailed(error: ExchangeError): void {
    this.failures.push(error.code);
  }
}
