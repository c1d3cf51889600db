import { statSync } from 'node:fs';

/** Milliseconds without a change after which a file counts as complete. */
const QUIET = 50;

/** Looks after which a file is taken as it is, however it changes. */
const MAX_LOOKS = 10;

/** Calls `then` once nobody writes to a file any more: one that is written in place is empty first, and then incomplete. */
export function whenSettled(file: string, then: () => void, looks = MAX_LOOKS, former = stateOf(file)): void {
  setTimeout(() => {
    const state = stateOf(file);
    if (state === former || looks <= 1) then();
    else whenSettled(file, then, looks - 1, state);
  }, QUIET).unref();
}

/** Differs whenever the file does. */
function stateOf(file: string): string {
  try {
    const { ino, size, mtimeNs } = statSync(file, { bigint: true });
    return `${ino} ${size} ${mtimeNs}`;
  } catch {
    return '';
  }
}
