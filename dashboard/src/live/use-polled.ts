import { useCallback, useEffect, useState } from 'preact/hooks';
import { Failure, request } from '../api/request.ts';

/** What a path of the control API says, as last asked. */
export interface Polled<T> {
  /** Null until the first response. It stays when a later request fails. */
  readonly data: T | null;
  readonly failure: Failure | null;
  /** Asks now. */
  readonly refresh: () => void;
}

/** Milliseconds between two questions. */
const PERIOD = 2_000;

/**
 * Asks a path again and again while the page is in view.
 * @param state of what the path tells: once it has told it is asked again only where this changes. Absent: it is asked always
 */
export function usePolled<T>(path: string, state?: string): Polled<T> {
  const [last, setLast] = useState<{ path: string; data: T | null; failure: Failure | null }>({
    path,
    data: null,
    failure: null,
  });
  const [asked, setAsked] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    let timer = 0;
    const ask = async () => {
      let isTold = false;
      try {
        const data = document.hidden ? undefined : await request<T>(path, { signal: abort.signal });
        if (data !== undefined && !abort.signal.aborted) setLast({ path, data, failure: null });
        isTold = data !== undefined;
      } catch (error) {
        const failure = error instanceof Failure ? error : new Failure('refused', String(error));
        if (!abort.signal.aborted) {
          setLast((last) => ({ path, data: last.path === path ? last.data : null, failure }));
        }
      }
      // Another question only after this answer: a slow server is not asked faster than it answers.
      if (!abort.signal.aborted && (state === undefined || !isTold)) timer = setTimeout(ask, PERIOD);
    };
    ask();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [path, state, asked]);
  const refresh = useCallback(() => setAsked((count) => count + 1), []);
  // What another path has said says nothing about this one.
  return last.path === path ? { ...last, refresh } : { data: null, failure: null, refresh };
}
