// Loaded into a server by `node --import`: writes the longest turn of the event loop since the last SIGUSR2, in milliseconds, to the
// file that LOOP_DELAY_FILE names, whenever it gets SIGUSR2.
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const histogram = monitorEventLoopDelay({ resolution: 1 });
histogram.enable();
process.on('SIGUSR2', () => {
  writeFileSync(process.env.LOOP_DELAY_FILE, String(histogram.max / 1e6));
  histogram.reset();
});
