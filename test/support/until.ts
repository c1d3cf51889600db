import { setTimeout } from 'node:timers/promises';

/** Resolves when `holds`. For what no event tells: brokers and real clocks have their say meanwhile. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await setTimeout(5);
}
