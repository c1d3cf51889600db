import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

const BOARD = fileURLToPath(new URL('../../examples/board/server.mjs', import.meta.url));

/** The origin of the demo. */
export interface DemoOrigin {
  /** `127.0.0.1:PORT`. */
  readonly address: string;
  readonly stop: () => Promise<unknown>;
}

/**
 * Runs the origin of the demo on a free port of this machine, like `node examples/board/server.mjs`, but in a thread, so that it
 * cannot outlive this process. A later failure in it is an uncaught exception here.
 * @param controlUrl publish endpoint that it uses
 * @returns once it listens
 * @throws Error when it cannot start
 */
export function startDemoOrigin(controlUrl: string): Promise<DemoOrigin> {
  const worker = new Worker(BOARD, { argv: ['0', controlUrl], stdout: true });
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    createInterface(worker.stdout).once('line', (line) => {
      worker.off('error', reject);
      resolve({ address: new URL(line.slice(line.indexOf('http'))).host, stop: () => worker.terminate() });
    });
  });
}
