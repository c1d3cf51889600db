import { JetStreamApiCodes, type JetStreamManager, type MsgRequest, type StoredMsg } from '@nats-io/jetstream';
import { isApiError } from './is-api-error.ts';

/** The first message behind a number that has a subject. The types of the library do not know that a leader answers that, too. */
interface NextQuery {
  readonly seq: number;
  readonly next_by_subj: string;
}

/** The message of a stream that is meant, as the server has it that all others follow; null for none. Rejects when the broker fails. */
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
