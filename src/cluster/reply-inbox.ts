import { createInbox, type Subscription } from '@nats-io/transport-node';
import { type Guarded, guarded } from '../clock/index.ts';
import type { Broker, BrokerMessage } from './broker.ts';

/** Takes the answers to the messages of one part of a node. Each message has a token, by which its answer is known: so one subscription is enough. */
export class ReplyInbox {
  readonly #beginning = `${createInbox()}.`;
  readonly #subscription: Subscription;

  /** @param onReply takes what comes; `owner` handles what it throws */
  constructor(broker: Pick<Broker, 'subscribe'>, owner: Guarded, onReply: (message: BrokerMessage) => void) {
    this.#subscription = broker.subscribe(`${this.#beginning}*`, guarded(owner, onReply));
  }

  /** Where the answer to a message with this token comes. @param token one token of a subject */
  subject(token: string | number): string {
    return this.#beginning + token;
  }

  /** The token of the message that this is an answer to; null for a message with another subject, as a consumer's are. */
  tokenOf({ subject }: BrokerMessage): string | null {
    return subject.startsWith(this.#beginning) ? subject.slice(this.#beginning.length) : null;
  }

  close(): void {
    this.#subscription.unsubscribe();
  }
}
