import { JetStreamApiCodes, type JetStreamManager, type MsgRequest, type StoredMsg } from '@nats-io/jetstream';
import { isApiError } from './is-api-error.ts';

/** Asks for the first message of a subject from a number on. The types of the library do not know that a leader answers that, too. */
interface NextQuery {
  readonly seq: number;
  readonly next_by_subj: string;
}

/** One message of a stream, as its leader has it; null for none. Rejects when the broker fails. */
export async function storedMessage(
  { streams }: JetStreamManager,
  stream: string,
  query: MsgRequest | NextQuery,
): Promise<StoredMsg | null> {
  try {
    return await streams.getMessage(stream, query as MsgRequest);
  } catch (error) {
    if (isApiError(error, JetStreamApiCodes.NoMessageFound)) return null;
    throw error;
  }
}
