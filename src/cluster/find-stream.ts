import { JetStreamApiCodes, type JetStreamManager, type StreamConfig, type StreamInfo } from '@nats-io/jetstream';
import { isApiError } from './is-api-error.ts';

/** The broker's code for a stream of this name with other settings. */
const NAME_IN_USE = 10_058;

/** Finds a stream, or makes it. It may have other settings than these. */
export async function findStream(
  manager: JetStreamManager,
  wanted: Partial<StreamConfig> & { readonly name: string },
): Promise<StreamInfo> {
  const { streams } = manager;
  const found = await streamInfo(manager, wanted.name);
  if (found !== null) return found;
  try {
    return await streams.add(wanted);
  } catch (error) {
    // Another node was faster: its stream may have other limits.
    if (!isApiError(error, NAME_IN_USE)) throw error;
    return await streams.info(wanted.name);
  }
}

/** What a stream is like; null if there is none of this name. */
export async function streamInfo({ streams }: JetStreamManager, name: string): Promise<StreamInfo | null> {
  try {
    return await streams.info(name);
  } catch (error) {
    if (isApiError(error, JetStreamApiCodes.StreamNotFound)) return null;
    throw error;
  }
}
