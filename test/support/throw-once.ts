import type { TestContext } from 'node:test';

/** Lets the next call of a method throw, and no later one. */
export function throwOnce<C extends object>(t: TestContext, prototype: C, method: keyof C & string): void {
  const original = prototype[method] as (...args: unknown[]) => unknown;
  let armed = true;
  t.mock.method(prototype as Record<string, () => void>, method, function (this: unknown, ...args: unknown[]) {
    if (!armed) return original.apply(this, args);
    armed = false;
    throw new Error(`thrown by ${method}`);
  });
}
