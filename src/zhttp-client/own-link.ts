import type { Part } from '../codec/zmtp/index.ts';
import type { ZmqSocket } from '../zmq/index.ts';
import type { RelayTarget } from './link-relay.ts';

/** A link with the sockets themselves, whose peers can move to those of another process. */
export interface OwnLink extends RelayTarget {
  /** Always in the same order. */
  readonly sockets: readonly ZmqSocket[];
  /** Nothing that handlers send is given to the sink until `resumeInput`. */
  pauseInput(): void;
  resumeInput(): void;
  /** Takes out the first packets that no handler has taken. */
  takeRequests(): readonly (readonly [id: string, packet: Buffer | string])[];
  /** Takes out the packets for handlers that are not connected. */
  takeUnreached(): readonly (readonly [address: string, packets: readonly Part[]])[];
  /** Handlers have come in another way than by connecting: sends what waits for them. */
  retry(): void;
}
