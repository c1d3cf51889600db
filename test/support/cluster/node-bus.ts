import type { BrokerMessage, BrokerWatcher } from '../../../src/cluster/broker.ts';
import type { NodeBroker } from '../../../src/cluster/node-registry.ts';

/** A broker in memory, without the sockets of a real one. A message arrives at once at all connections but its own. */
export class NodeBus {
  readonly #connections: BusConnection[] = [];
  maxPayload = 1_048_576;

  connect(): BusConnection {
    const connection = new BusConnection(this);
    this.#connections.push(connection);
    return connection;
  }

  /** Gives a message to all connections but `from`. */
  pass(from: BusConnection | null, subject: string, data: Uint8Array): void {
    for (const each of this.#connections) if (each !== from) each.take(subject, data);
  }
}

/** The connection of a node. */
export class BusConnection implements NodeBroker {
  up = true;
  /** Whether the node takes what comes. */
  reads = true;
  readonly sent: { readonly subject: string; readonly data: Buffer }[] = [];
  readonly #bus: NodeBus;
  readonly #watchers: BrokerWatcher[] = [];
  readonly #takers = new Map<object, { readonly subject: string; readonly take: (message: BrokerMessage) => void }>();

  constructor(bus: NodeBus) {
    this.#bus = bus;
  }

  get maxPayload(): number {
    return this.#bus.maxPayload;
  }

  publish(subject: string, data: Uint8Array): boolean {
    if (!this.up) return false;
    this.sent.push({ subject, data: Buffer.from(data) });
    this.#bus.pass(this, subject, data);
    return true;
  }

  subscribe(subject: string, take: (message: BrokerMessage) => void): ReturnType<NodeBroker['subscribe']> {
    const subscription = { unsubscribe: () => this.#takers.delete(subscription) };
    this.#takers.set(subscription, { subject, take });
    return subscription as unknown as ReturnType<NodeBroker['subscribe']>;
  }

  watch(watcher: BrokerWatcher): void {
    this.#watchers.push(watcher);
  }

  take(subject: string, data: Uint8Array): void {
    if (!this.up || !this.reads) return;
    for (const each of [...this.#takers.values()]) if (each.subject === subject) each.take({ subject, data });
  }

  /** The broker goes away, or comes back. */
  set isThere(there: boolean) {
    this.up = there;
    for (const watcher of this.#watchers) {
      if (there) watcher.onUp();
      else watcher.onDown();
    }
  }
}
