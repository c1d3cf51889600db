import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cProgram } from './c-program.ts';
import { checkResponse } from './check-response.ts';
import type { Children } from './children.ts';
import { type Edge, ready } from './edges.ts';
import { freePorts, listening } from './ports.ts';

/** Starts a Mongrel2 site of Holdfast on a free port, and the handler of the bench behind it. */
export async function startSite(children: Children, launcher: string): Promise<Edge> {
  const [port] = (await freePorts(1)) as [number];
  const base = join(children.directory, String(port));
  const file = join(children.directory, `site-${port}.toml`);
  writeFileSync(
    file,
    `[server]
listen = []

[log]
level = "warn"

[[edge.mongrel2]]
listen = "127.0.0.1:${port}"
default_host = "bench"

[edge.mongrel2.handler.bench]
send_spec = "ipc://${base}-send"
send_ident = "bench"
recv_spec = "ipc://${base}-recv"

[[edge.mongrel2.host]]
name = "bench"
route = [{ path = "/", handler = "bench" }]
`,
  );
  const child = children.start('mongrel2', 'server', process.execPath, [launcher, 'run', '--config', file]);
  await listening(port, 'mongrel2');
  const program = await cProgram(children, ['handlers/mongrel2.c'], ['zmq']);
  const handler = children.start('handler', 'load', program, [`ipc://${base}-send`, `ipc://${base}-recv`]);
  await ready(handler);
  await checkResponse(port, 'mongrel2');
  return {
    child,
    port,
    async stop() {
      // The server first: it says goodbye to its handler.
      await child.stop();
      await handler.stop();
    },
  };
}
