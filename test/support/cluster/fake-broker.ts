import { headers, type MsgHdrs, type Subscription } from '@nats-io/transport-node';
import type { Broker, BrokerMessage, BrokerWatcher } from '../../../src/cluster/broker.ts';

/** What was published to a fake broker. */
export interface Published {
  readonly subject: string;
  readonly data: Buffer;
  readonly text: string;
  readonly reply: string;
  /** `Nats-Msg-Id`; empty for none. */
  readonly id: string;
}

/** A broker whose messages the test sends by itself. */
export class FakeBroker {
  readonly published: Published[] = [];
  up = true;
  maxPayload = 65_536;
  readonly #subscribers = new Map<string, (message: BrokerMessage) => void>();

  /** For those who want the real one. */
  get asBroker(): Broker {
    return this as unknown as Broker;
  }

  watch(_watcher: BrokerWatcher): void {}

  publish(subject: string, data: Uint8Array, options: { reply?: string; headers?: MsgHdrs } = {}): boolean {
    if (!this.up) return false;
    const { reply = '', headers: fields } = options;
    const own = Buffer.from(data);
    this.published.push({ subject, data: own, text: own.toString(), reply, id: fields?.get('Nats-Msg-Id') ?? '' });
    return true;
  }

  subscribe(subject: string, onMessage: (message: BrokerMessage) => void): Subscription {
    this.#subscribers.set(subject, onMessage);
    return { unsubscribe: () => this.#subscribers.delete(subject) } as unknown as Subscription;
  }

  /** Subjects that somebody is subscribed to. */
  get subscribed(): readonly string[] {
    return [...this.#subscribers.keys()];
  }

  /** The messages that were published since the last time. */
  take(): Published[] {
    return this.published.splice(0);
  }

  /** Sends a message by one subscription. */
  deliver(subscription: string, subject: string, text: string): void {
    this.#subscribers.get(subscription)?.({ subject, data: Buffer.from(text, 'latin1'), headers: headers() });
  }

  /** Sends a message that asks for an answer. @param to what is subscribed to, if that is not its subject, as with messages of a consumer */
  ask(subject: string, data: string | Buffer, reply: string, to = subject): void {
    this.#send(to, { subject, data: Buffer.from(data as string), reply, headers: headers() });
  }

  /** Sends a message to whoever is subscribed to its subject, or to all below one. @param fields headers */
  send(subject: string, text: string, fields: Readonly<Record<string, string>> = {}): void {
    const all = headers();
    for (const [name, value] of Object.entries(fields)) all.set(name, value);
    this.#send(subject, { subject, data: Buffer.from(text), headers: all });
  }

  /** Says that nobody listens to what was published with this subject for the answer. */
  sendNobody(reply: string): void {
    this.sendStatus(reply, 503, 'No Responders');
  }

  /** Says of a batch of messages why no more come. */
  sendStatus(reply: string, code: number, description: string): void {
    this.#send(reply, { subject: reply, data: Buffer.alloc(0), headers: headers(code, description) });
  }

  #send(to: string, message: BrokerMessage): void {
    for (const [pattern, onMessage] of [...this.#subscribers]) {
      const matches = pattern.endsWith('.*') ? to.startsWith(pattern.slice(0, -1)) : to === pattern;
      if (matches) onMessage(message);
    }
  }
}
