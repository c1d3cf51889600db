import type { MessagePayload } from './message-payload.ts';

/** Whole WebSocket messages that go to many requesters one after the other. Where they leave in one write, all requesters share its bytes. */
export class JoinedMessages {
  readonly messages: readonly MessagePayload[];
  /** Bytes of all their bodies. */
  readonly length: number;
  /** The frames of all messages; set by the first connection that writes them. */
  frames: Buffer | null = null;

  constructor(messages: readonly MessagePayload[]) {
    this.messages = messages;
    this.length = messages.reduce((sum, { body }) => sum + body.length, 0);
  }
}
