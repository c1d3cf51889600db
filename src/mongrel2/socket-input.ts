import { SocketMessages } from '../codec/mongrel2/index.ts';
import { ClientInput, type InputOwner, MAX_MESSAGE_BYTES } from './client-input.ts';

/** Whose JSON or XML socket it is. */
export interface SocketOwner extends InputOwner {
  /** @param path `@ROUTE` or `<TAG` */
  onSocketMessage(method: 'JSON' | 'XML', path: string, body: Buffer): void;
  /** The client says that it is there. */
  onSocketPing(): void;
  /** A Flash client asks what it may do. */
  onPolicyRequest(): void;
}

/** Reads the JSON or XML socket of a client. */
export class SocketInput extends ClientInput {
  declare protected readonly owner: SocketOwner;
  readonly #messages = new SocketMessages(MAX_MESSAGE_BYTES);

  constructor(owner: SocketOwner) {
    super(owner);
  }

  protected override get held(): number {
    return this.#messages.held;
  }

  protected override take(input: Buffer, at: number): number {
    const messages = this.#messages;
    const end = messages.read(input, at);
    const { owner } = this;
    switch (messages.event) {
      case 'json':
        owner.onSocketMessage('JSON', messages.path, messages.body);
        break;
      case 'xml':
        owner.onSocketMessage('XML', messages.path, messages.body);
        break;
      case 'ping':
        owner.onSocketPing();
        break;
      case 'policy':
        owner.onPolicyRequest();
        break;
      case 'none':
    }
    return end;
  }
}
