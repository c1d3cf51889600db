import { JoinedMessages, MessagePayload } from '../../../src/exchange/index.ts';

/** Texts that go to clients together. */
export function joined(...texts: readonly string[]): JoinedMessages {
  return new JoinedMessages(texts.map((text) => new MessagePayload(Buffer.from(text), true)));
}
