import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/** Below the ports that the system gives to outgoing connections (Linux: from 32768), else one of another test may take a port that is free now. */
const FIRST_PORT = 10_000;
const END_PORT = 32_768;

/** Ports from the first one of a process to that of the next process. */
const DISTANCE = 50;

/**
 * What was asked for last. Test files are processes of their own that run at the same time, and some time passes until somebody listens on a free port: so each begins elsewhere, and goes on from there, rather than take
 * one that another has just been given.
 */
let last = FIRST_PORT + ((process.pid * DISTANCE) % (END_PORT - FIRST_PORT));

/** TCP ports of the loopback address that nobody listens on, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = new Map<number, Server>();
  while (servers.size < count) {
    last = last + 1 < END_PORT ? last + 1 : FIRST_PORT;
    const port = last;
    const server = await listening(port);
    if (server !== null) servers.set(port, server);
  }
  await Promise.all([...servers.values()].map((server) => new Promise((resolve) => server.close(resolve))));
  return [...servers.keys()];
}

/** A server at the port; null where it is in use. */
async function listening(port: number): Promise<Server | null> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
    return server;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return null;
  }
}
