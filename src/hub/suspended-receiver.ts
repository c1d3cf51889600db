import { fault } from '../clock/index.ts';
import type { Receiver } from './channel.ts';
import type { HubRoom } from './hub-room.ts';
import type { Format, Step } from './step.ts';

/** Stands in the places of a client that moves to another process: if the client stays it gets what has come meanwhile. */
export class SuspendedReceiver implements Receiver {
  readonly format: Format;
  readonly route: string;
  stamp: number;
  readonly #room: Pick<HubRoom, 'counters' | 'limits'>;
  readonly #client: Receiver;
  #steps: Step[] = [];
  #bytes = 0;
  #dropped = false;

  constructor(room: Pick<HubRoom, 'counters' | 'limits'>, client: Receiver) {
    this.format = client.format;
    this.route = client.route;
    this.stamp = client.stamp ?? 0;
    this.#room = room;
    this.#client = client;
  }

  /** Keeps a step, within the bounds of the client's queue. */
  receive(step: Step): number {
    const { limits, counters } = this.#room;
    const { queueItems, queueBytes } = limits.current;
    // Nothing comes after what was dropped: the client goes on from there.
    if (this.#dropped || this.#steps.length >= queueItems || this.#bytes + step.cost > queueBytes) {
      this.#dropped = true;
      counters.itemsDropped += step.count;
      return 1;
    }
    this.#steps.push(step);
    this.#bytes += step.cost;
    return 1;
  }

  /** The client stays: it gets what was kept. */
  release(now: number): void {
    const steps = this.#steps;
    this.#steps = [];
    // A walk may be on that finds it again, in another group.
    this.#client.stamp = this.stamp;
    for (const step of steps) {
      try {
        this.#client.receive(step, now);
      } catch (thrown) {
        fault(this.#client, thrown);
      }
    }
    if (this.#dropped) this.#client.onMissed?.();
  }

  onFault(thrown: unknown): void {
    fault(this.#client, thrown);
  }
}
