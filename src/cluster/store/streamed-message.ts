import type { BrokerMessage } from '../broker.ts';

/** What the stream says of a message that it has published again. */
export interface StreamedMessage {
  readonly number: number;
  /** The number of the message before it with the same subject; 0 for none. */
  readonly before: number;
  /** When the stream has taken it, in milliseconds since 1970. */
  readonly time: number;
}

/** @returns null for a message that is not from a stream */
export function streamedMessage({ headers }: BrokerMessage): StreamedMessage | null {
  if (headers === undefined) return null;
  let number = 0;
  let before = 0;
  let time = Number.NaN;
  // The library would make a list of all for each header that is asked for.
  for (const [name, values] of headers) {
    // The stream adds its headers behind those that the message had.
    const value = values.at(-1) ?? '';
    if (name === 'Nats-Sequence') number = Number(value);
    else if (name === 'Nats-Last-Sequence') before = Number(value);
    else if (name === 'Nats-Time-Stamp') time = Date.parse(value);
  }
  if (!Number.isSafeInteger(number) || number <= 0) return null;
  return { number, before: before > 0 ? before : 0, time: Number.isNaN(time) ? Date.now() : time };
}

/** The number up to which a channel was cleared, as a message of the stream says. @param number of the message @returns null for a message that does not say it */
export function clearedNumber(data: Uint8Array, number: number): number | null {
  if (data.length > 16) return null;
  const cleared = positive(Buffer.from(data).toString());
  return cleared !== null && cleared < number ? cleared : null;
}

function positive(text: string | undefined): number | null {
  const number = Number(text);
  return Number.isSafeInteger(number) && number > 0 ? number : null;
}
