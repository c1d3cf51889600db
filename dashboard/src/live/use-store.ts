import { useEffect, useState } from 'preact/hooks';
import type { Store } from './store.ts';

/** The value of a store; the component is rendered again when it changes. */
export function useStore<T>(store: Store<T>): T {
  const [value, setValue] = useState(() => store.value);
  useEffect(() => {
    const follow = () => setValue(() => store.value);
    follow();
    return store.subscribe(follow);
  }, [store]);
  return value;
}
