import { isPositive, jsonObject, objectOf } from './json-object.ts';

/** What the broker answers to a message for a stream. */
export interface StreamAck {
  /** The number that the message has in the stream; 0 for one that is not kept. */
  readonly number: number;
  /** Whether the stream has had it already. */
  readonly isDuplicate: boolean;
  /** Why it is not kept; null for one that is. */
  readonly refusedBy: string | null;
}

/** Reads the answer of the broker. */
export function streamAckOf(data: Uint8Array): StreamAck {
  // The broker answers with nothing where no server has the stream.
  if (data.length === 0) return refused('no stream');
  const { seq, duplicate, error } = jsonObject(data) ?? {};
  if (error !== undefined) return refused(String(objectOf(error)?.description ?? 'it does not say why'));
  if (!isPositive(seq)) return refused('its answer is not understood');
  return { number: seq, isDuplicate: duplicate === true, refusedBy: null };
}

function refused(refusedBy: string): StreamAck {
  return { number: 0, isDuplicate: false, refusedBy };
}
