import type { PartState } from '../exchange/index.ts';
import type { WebSocketHoldState } from '../hub/index.ts';
import type { AutoResponderState } from './auto-responder.ts';
import type { TimerState } from './websocket-timers.ts';

/** From what another process makes a `GripWebSocket` again. */
export interface GripWebSocketState {
  readonly prefix: Buffer | null;
  readonly released: boolean;
  readonly always: readonly string[] | null;
  readonly keepAlive: TimerState | null;
  readonly delayed: TimerState | null;
  readonly responder: AutoResponderState | null;
  readonly granted: number;
  readonly window: number;
  readonly hold: WebSocketHoldState;
  /** Null where the origin has been let go. */
  readonly origin: PartState | null;
}

/** A `GripWebSocket` that is about to move, as `Suspended`. */
export interface GripWebSocketMove {
  readonly state: GripWebSocketState;
  resume(): void;
  forget(): void;
}
