import type { PartState, RequestHead } from '../../exchange/index.ts';
import type { EventHeadersState } from './event-headers.ts';

/** From what another process makes an `OverHttpWebSocket` again. No request is under way, and nothing waits. */
export interface OverHttpState extends PartState {
  readonly handshake: RequestHead;
  readonly headers: EventHeadersState;
  readonly credits: number;
  /** Seconds; 0 for none. */
  readonly keepAlive: number;
  /** Milliseconds until the keep-alive; null where none is due. */
  readonly left: number | null;
}
