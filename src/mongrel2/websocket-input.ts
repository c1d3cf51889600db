import { HandlerFrames } from '../codec/mongrel2/index.ts';
import { ClientInput, type InputOwner, MAX_MESSAGE_BYTES } from './client-input.ts';

/** Whose WebSocket it is. */
export interface WebSocketOwner extends InputOwner {
  /**
   * A message, a ping, a pong or a close frame has come.
   * @param flags first byte of the frame, with FIN set
   */
  onWebSocketMessage(flags: number, payload: Buffer): void;
}

/** Reads the WebSocket of a client whose messages go to a handler. */
export class WebSocketInput extends ClientInput {
  declare protected readonly owner: WebSocketOwner;
  readonly #frames = new HandlerFrames(MAX_MESSAGE_BYTES);

  constructor(owner: WebSocketOwner) {
    super(owner);
  }

  protected override get held(): number {
    return this.#frames.held;
  }

  protected override take(input: Buffer, at: number): number {
    const frames = this.#frames;
    const end = frames.read(input, at);
    if (frames.found) this.owner.onWebSocketMessage(frames.flags, frames.payload);
    return end;
  }
}
