import type { TestContext } from 'node:test';
import { fakeTimers } from './fake-timers.ts';

/** Stops the clock of the timer wheels that are made from now on in this test; returns what moves it. Sockets go on as ever. */
export function manualClock(t: TestContext): (seconds: number) => void {
  let now = 0;
  const timers = fakeTimers(t, ['setInterval']);
  t.mock.method(performance, 'now', () => now);
  return (seconds) => {
    // Two steps more than the time: what is scheduled fires within one step after it.
    for (let steps = seconds * 10 + 2; steps > 0; steps--) {
      now += 100;
      timers.tick(100);
    }
  };
}

/** Resolves in the next turn of the event loop, after all that waits in this one. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
