import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { Worker } from 'node:worker_threads';

/** Listens, and then stands still until it is told to go on. */
const STANDS_STILL = `
const { createServer } = require('node:net');
const { parentPort, workerData: { host, port, go } } = require('node:worker_threads');
const server = createServer((socket) => socket.resume());
server.listen({ host, port, backlog: 1 }, () => {
  parentPort.postMessage(server.address().port);
  setImmediate(() => Atomics.wait(new Int32Array(go), 0, 0));
});
`;

/**
 * A listener that accepts nothing, and whose queue is full: the kernel drops whoever tries to connect, who hears nothing and tries again
 * after a second or so.
 */
export interface FullListener {
  readonly host: string;
  readonly port: number;
  /** From now on everybody is accepted. */
  open(): void;
}

/** Starts one; it ends with the test. Port 0 takes a free one. */
export async function startFullListener(t: TestContext, host: string, port = 0): Promise<FullListener> {
  const go = new SharedArrayBuffer(4);
  const worker = new Worker(STANDS_STILL, { eval: true, workerData: { host, port, go } });
  const fillers: Socket[] = [];
  const open = (): void => {
    Atomics.store(new Int32Array(go), 0, 1);
    Atomics.notify(new Int32Array(go), 0);
  };
  t.after(async () => {
    for (const filler of fillers) filler.destroy();
    await worker.terminate();
  });
  const [bound] = await once(worker, 'message');
  // A queue takes one more than it should.
  for (let i = 0; i < 2; i++) {
    const filler = connect(bound, host).on('error', () => {});
    fillers.push(filler);
    await once(filler, 'connect');
  }
  return { host, port: bound, open };
}
