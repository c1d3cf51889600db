import type { Socket } from 'node:net';
import { type AtTurnEnd, type Guarded, guarded, TurnQueue } from '../clock/index.ts';
import type { Part } from '../codec/zmtp/index.ts';
import { DealerSocket, type ZmqContext } from '../zmq/index.ts';
import { RELAY_SOCKET } from './relay-packet.ts';

/** One end of the way between a relay and a hub. */
export interface RelayPort {
  /** Sends a packet, after those before it. Returns false, with nothing done, if the other end cannot take it now. */
  send(parts: readonly Part[]): boolean;
  /** Sends what was given at once, not at the end of the turn. */
  flush(): void;
  close(): Promise<void>;
}

/** What a port is made of: a socket to another process, or one end of a pair in this one. */
export type RelayEnd = Socket | LocalEnd;

/** One end of a pair within the process. Packets come in the same turn of the event loop, after the call that sends them. */
export class LocalEnd implements RelayPort, AtTurnEnd {
  onPacket: ((packet: Buffer) => void) | null = null;
  #other: LocalEnd | null = null;
  #packets: Buffer[] = [];
  #closed = false;
  readonly #calls = new TurnQueue(process.nextTick);

  static pair(): readonly [LocalEnd, LocalEnd] {
    const [near, far] = [new LocalEnd(), new LocalEnd()];
    near.#other = far;
    far.#other = near;
    return [near, far];
  }

  send(parts: readonly Part[]): boolean {
    const other = this.#other;
    if (other === null || other.#closed) return false;
    const [part] = parts;
    other.#packets.push(Array.isArray(part) ? Buffer.concat(part) : (part as Buffer));
    other.#calls.add(other);
    return true;
  }

  /** What has come goes to `onPacket` from now on. */
  open(onPacket: (packet: Buffer) => void): void {
    this.onPacket = onPacket;
    if (this.#packets.length > 0) this.#calls.add(this);
  }

  flush(): void {}

  close(): Promise<void> {
    this.#closed = true;
    this.#packets = [];
    return Promise.resolve();
  }

  onTurnEnd(): void {
    const { onPacket } = this;
    if (onPacket === null || this.#closed) return;
    for (const packet of this.#packets.splice(0)) onPacket(packet);
  }

  /** `onPacket` is guarded by whoever has set it. */
  onFault(thrown: unknown): void {
    throw thrown;
  }
}

/**
 * Opens a port.
 * @param connects whether this end begins, where it is a socket
 * @param owner handles what `onPacket` throws
 */
export function openPort(
  context: ZmqContext,
  end: RelayEnd,
  connects: boolean,
  owner: Guarded,
  onPacket: (packet: Buffer) => void,
  onWritable: () => void = ignore,
): RelayPort {
  if (end instanceof LocalEnd) {
    end.open(guarded(owner, onPacket));
    return end;
  }
  const take = guarded(owner, (parts: Buffer[]) => onPacket(parts[0] as Buffer));
  const dealer = new DealerSocket(context, RELAY_SOCKET, take, onWritable);
  dealer.adopt(end, connects);
  return dealer;
}

function ignore(): void {}
