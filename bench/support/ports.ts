import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** How long a server may take until it listens, in milliseconds. */
const LISTEN_MS = 15_000;

/** Free TCP ports of the loopback address, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once('error', reject);
          server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Waits until the loopback port accepts connections. Throws after 15 s. */
export async function listening(port: number, name: string): Promise<void> {
  const deadline = performance.now() + LISTEN_MS;
  while (!(await accepts(port))) {
    if (performance.now() > deadline)
      throw new Error(`${name} does not listen on port ${port} after ${LISTEN_MS / 1000} s`);
    await delay(20);
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
