import type { HandlerLinkSink } from '../../../src/zhttp-client/index.ts';
import { Arrivals } from '../zmq/zmq-rig.ts';

/** What a link tells, as it comes: packets as latin1 text. */
export class RecordingSink implements HandlerLinkSink {
  readonly packets = new Arrivals<string>();
  readonly refused = new Arrivals<string>();
  readonly ready = new Arrivals<string>();
  readonly withdrawn = new Arrivals<string>();
  readonly lost = new Arrivals<string>();

  onPacket(payload: Buffer): void {
    this.packets.add(payload.toString('latin1'));
  }

  onRefused(id: string): void {
    this.refused.add(id);
  }

  onReady(address: string): void {
    this.ready.add(address);
  }

  onWithdrawn(id: string): void {
    this.withdrawn.add(id);
  }

  onLost(id: string): void {
    this.lost.add(id);
  }
}
