import { Payload } from './payload.ts';

/** A WebSocket message for many requesters, which share its frames. */
export class MessagePayload extends Payload {
  readonly text: boolean;
  /** `body` in unmasked, uncompressed frames (RFC 6455 §5.2); set by the first connection that writes it. */
  frames: Buffer | null = null;

  constructor(body: Buffer, text: boolean, items = 1, expires = 0) {
    super(body, items, expires);
    this.text = text;
  }
}
