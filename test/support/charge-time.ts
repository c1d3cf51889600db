import type { TestContext } from 'node:test';

/** Lets the clock of this test go faster: what it returns adds so many milliseconds at once, as if something had taken them. */
export function chargeTime(t: TestContext): (milliseconds: number) => void {
  const real = performance.now.bind(performance);
  let charged = 0;
  t.mock.method(performance, 'now', () => real() + charged);
  return (milliseconds) => {
    charged += milliseconds;
  };
}
