import type { Socket } from 'node:net';
import type { AtTurnEnd, TurnQueue } from '../clock/index.ts';
import type { Part } from '../codec/zmtp/index.ts';
import { READY, type Reach } from '../zhttp/index.ts';
import { DealerSocket, type ZmqContext } from '../zmq/index.ts';
import { numberText, REACH, RELAY_OPTIONS, ROUTED, relayMessage } from './relay-message.ts';

/**
 * Handlers that the processes must not send to.
 * @bound relay-reaches
 */
export const MAX_REACHES = 10_000;

/** What the processes know of a handler that does not take packets. */
export interface ToldReach {
  readonly reach: Reach;
  /** When it was told, by the wheel's clock. */
  readonly since: number;
}

/** What a process needs of its relay. */
export interface ProcessOwner {
  /** Handlers that do not take packets at present. */
  readonly told: ReadonlyMap<string, ToldReach>;
  onMessage(message: Buffer): void;
  onFault(thrown: unknown): void;
}

/** One process that serves connections, as its relay sees it. Messages that it missed because it reads slowly are sent later. */
export class RelayedProcess implements AtTurnEnd {
  readonly #dealer: DealerSocket;
  readonly #turn: TurnQueue;
  readonly #owner: ProcessOwner;
  /** Bytes routed that the process has not been told of. */
  #routed = 0;
  /** What the process knows of handlers that do not take packets. */
  readonly #reaches = new Map<string, Reach>();
  /** Whether that differs from what its relay tells. */
  #behind = false;

  constructor(context: ZmqContext, socket: Socket, turn: TurnQueue, owner: ProcessOwner) {
    this.#turn = turn;
    this.#owner = owner;
    this.#dealer = new DealerSocket(context, RELAY_OPTIONS, (parts) => owner.onMessage(parts[0] as Buffer));
    this.#dealer.adopt(socket, false);
  }

  /** Returns false, and sends nothing, if too much waits for the process. */
  send(message: Part): boolean {
    return this.#dealer.send([message]);
  }

  /** The process is there, and knows of no handler yet. */
  onHello(): void {
    this.#reaches.clear();
    this.#behind = true;
    this.catchUp();
  }

  /** Tells the process what a handler takes. */
  tell(address: string, reach: Reach): void {
    const known = this.#reaches.get(address) ?? READY;
    if (known === reach) return;
    const isTooMany = known === READY && this.#reaches.size >= MAX_REACHES;
    if (isTooMany || !this.send(relayMessage(REACH, address, String.fromCharCode(reach)))) this.#behind = true;
    else if (reach === READY) this.#reaches.delete(address);
    else this.#reaches.set(address, reach);
  }

  /** So many bytes of packets of this process were routed. */
  addRouted(bytes: number): void {
    if (this.#routed === 0) this.#turn.add(this);
    this.#routed += bytes;
  }

  onTurnEnd(): void {
    if (this.#routed > 0 && this.send(relayMessage(ROUTED, '', numberText(this.#routed)))) this.#routed = 0;
  }

  /** Tells the process what it could not be told before. Called every 100 ms. */
  catchUp(): void {
    if (this.#routed > 0) this.#turn.add(this);
    if (!this.#behind) return;
    this.#behind = false;
    const { told } = this.#owner;
    for (const address of [...this.#reaches.keys()]) {
      if (!told.has(address)) this.tell(address, READY);
      if (this.#behind) return;
    }
    for (const [address, { reach }] of told) {
      this.tell(address, reach);
      if (this.#behind) return;
    }
  }

  close(): Promise<void> {
    return this.#dealer.close();
  }

  onFault(thrown: unknown): void {
    this.#owner.onFault(thrown);
  }
}
