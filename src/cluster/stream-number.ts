import type { BrokerMessage } from './broker.ts';

/** The number that the stream has given to a message that it has published again; null if it is not from a stream. */
export function streamNumber({ headers }: BrokerMessage): number | null {
  return positive(headers?.get('Nats-Sequence'));
}

/** The number of the message before it with the same subject; 0 for none. */
export function numberBefore({ headers }: BrokerMessage): number {
  return positive(headers?.get('Nats-Last-Sequence')) ?? 0;
}

/** When the stream has taken it, in milliseconds since 1970. */
export function streamTime({ headers }: BrokerMessage): number {
  return Date.parse(headers?.get('Nats-Time-Stamp') ?? '') || Date.now();
}

/** Up to which number the items of a channel were let go, by a message of the stream with this number that says so; null if it does not. */
export function clearedNumber(data: Uint8Array, number: number): number | null {
  if (data.length > 16) return null;
  const cleared = positive(Buffer.from(data).toString());
  return cleared !== null && cleared < number ? cleared : null;
}

function positive(text: string | undefined): number | null {
  const number = Number(text);
  return Number.isSafeInteger(number) && number > 0 ? number : null;
}
