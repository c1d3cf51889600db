import { setTimeout } from 'node:timers/promises';
import { JetStreamApiCodes, type JetStreamManager, type StreamConfig, type StreamInfo } from '@nats-io/jetstream';
import { isApiError } from './is-api-error.ts';

/** The broker's code for a stream of this name with other settings. */
const NAME_IN_USE = 10_058;

/**
 * Milliseconds from when a stream is seen to be deleted until one is made in its place. A server says that it has no stream before it has deleted its files, and would delete those of the new one with
 * them: that one could keep nothing.
 */
const DELETED_MS = 1_000;

/** Finds a stream, or makes it. It may have other settings than these. @param wasThere whether it has been found before */
export async function findStream(
  manager: JetStreamManager,
  wanted: Partial<StreamConfig> & { readonly name: string },
  wasThere: boolean,
): Promise<StreamInfo> {
  const { streams } = manager;
  const found = wasThere ? await lastingInfo(manager, wanted.name) : await streamInfo(manager, wanted.name);
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

/** The same of a stream that has been there: null only once one can be made in its place. */
export async function lastingInfo(manager: JetStreamManager, name: string): Promise<StreamInfo | null> {
  const found = await streamInfo(manager, name);
  if (found !== null) return found;
  await setTimeout(DELETED_MS);
  return await streamInfo(manager, name);
}
