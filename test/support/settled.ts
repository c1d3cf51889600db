import { turn } from './manual-clock.ts';

/** Turns of the event loop, longer than the kernel holds an acknowledgement back, after which all is taken to be at rest. */
const QUIET_TURNS = 5_000;

/** Resolves when nothing has changed `value` for many turns of the event loop: everybody waits for somebody else. */
export async function settled(value: () => number): Promise<number> {
  let last = value();
  for (let unchanged = 0; unchanged < QUIET_TURNS; unchanged++) {
    await turn();
    if (value() === last) continue;
    last = value();
    unchanged = 0;
  }
  return last;
}
