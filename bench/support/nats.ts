import { join } from 'node:path';
import type { Child, Children } from './children.ts';
import { freePorts, listening } from './ports.ts';

/** A NATS server with JetStream. */
export interface Nats {
  readonly child: Child;
  readonly url: string;
}

/** Starts a NATS server that keeps its files in the folder of the run. */
export async function startNats(children: Children): Promise<Nats> {
  const [port] = (await freePorts(1)) as [number];
  const folder = join(children.directory, `nats-${port}`);
  const args = ['--addr', '127.0.0.1', '--port', String(port), '--jetstream', '--store_dir', folder];
  const child = children.start('nats-server', 'server', 'nats-server', args);
  await listening(port, 'nats-server');
  return { child, url: `nats://127.0.0.1:${port}` };
}
