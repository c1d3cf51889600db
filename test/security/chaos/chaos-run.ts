import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { type Chaos, pause } from './chaos.ts';
import { eventually, ProcessUsage } from './process-usage.ts';

/** How long the actors act, in seconds: HOLDFAST_CHAOS_SECONDS. */
export const SECONDS = Number(process.env.HOLDFAST_CHAOS_SECONDS ?? 60);

/** Megabytes that the process may be larger at the end than it was when it was warm. */
const GROWTH = 100;

/**
 * Limits of a proxy: short enough to be reached within the run, and long enough for a machine that is busy with other things.
 * @param server further keys of its sections
 */
export function chaosToml({ server = '', proxy = '' }): string {
  return `
[server]
header_timeout = 2
idle_timeout = 20
body_timeout = 3
request_timeout = 20
write_timeout = 2
max_connections = 2000
${server}

[proxy]
connect_timeout = 5
${proxy}

[hub]
queue_items = 50
queue_bytes = 300000
`;
}

/** A process amid actors: what it uses at the end is compared with what it used before, and when it was warm. */
export class ChaosRun {
  readonly #t: TestContext;
  readonly #usage: ProcessUsage;
  readonly #before: number;
  #warm = 0;

  constructor(t: TestContext, pid: number) {
    this.#t = t;
    this.#usage = new ProcessUsage(pid);
    this.#before = this.#usage.known ? this.#usage.descriptors().length : 0;
  }

  /** Lets the actors act, and end. Each kind of them has to have done something so often, and the ordinary ones have seen nothing wrong. */
  async act(chaos: Chaos, least: number, ...actors: string[]): Promise<void> {
    await pause((SECONDS * 1_000) / 3);
    this.#warm = this.#usage.known ? this.#usage.memory() : 0;
    await pause((SECONDS * 2_000) / 3);
    chaos.going = false;
    await chaos.settled();
    for (const [what, times] of chaos.done) this.#t.diagnostic(`${what}: ${times}`);
    assert.deepEqual(chaos.failures, []);
    for (const what of actors) assert.ok((chaos.done.get(what) ?? 0) >= least, `${what}: ${chaos.done.get(what)}`);
  }

  /** Asserts that the process has as many descriptors as before, and not much more memory than when it was warm. */
  async assertNothingKept(): Promise<void> {
    const usage = this.#usage;
    if (!usage.known) return;
    await eventually(() => usage.descriptors().length <= this.#before);
    assert.equal(usage.descriptors().length, this.#before, usage.descriptors().join('\n'));
    const growth = usage.memory() - this.#warm;
    this.#t.diagnostic(`memory: ${this.#warm.toFixed(0)} MB warm, ${usage.memory().toFixed(0)} MB at the end`);
    assert.ok(growth < GROWTH, `grown by ${growth} MB`);
  }
}
