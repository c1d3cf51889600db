import { useState } from 'preact/hooks';

/** Where the reader is in a list that comes in pages. */
export interface Pages {
  /** What the page is asked for with: the `next` of the page before it; '' for the first one. */
  readonly place: string;
  readonly isFirst: boolean;
  /** To the page before this one. */
  readonly back: () => void;
  /** To the next one. @param next the `next` of this page */
  readonly go: (next: string) => void;
  /** To the first page. */
  readonly begin: () => void;
}

/** Remembers the pages that the reader has left, to find back to them. */
export function usePages(): Pages {
  const [places, setPlaces] = useState<readonly string[]>(['']);
  return {
    place: places.at(-1) ?? '',
    isFirst: places.length === 1,
    back: () => setPlaces(places.slice(0, -1)),
    go: (next) => setPlaces([...places, next]),
    begin: () => setPlaces(['']),
  };
}
