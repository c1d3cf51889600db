import { setTimeout } from 'node:timers/promises';

/** Resolves with the value, or with null where it takes more than so many milliseconds, or is abandoned before. */
export async function inTime<T>(
  value: Promise<T>,
  milliseconds: number,
  abandon: AbortSignal | null = null,
): Promise<T | null> {
  const done = new AbortController();
  const signal = abandon === null ? done.signal : AbortSignal.any([done.signal, abandon]);
  try {
    return await Promise.race([value, setTimeout(milliseconds, null, { signal }).catch(() => null)]);
  } finally {
    done.abort();
  }
}
