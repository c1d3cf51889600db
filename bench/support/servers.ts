import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { BareServer } from '../programs/bare-server.ts';
import type { Child, Children } from './children.ts';
import { outputOf } from './commands.ts';
import { freePorts, listening } from './ports.ts';
import { startProgram } from './program.ts';

/** A server under measurement, listening on loopback. */
export interface Server {
  readonly child: Child;
  /** Where clients connect. */
  readonly port: number;
  /** Where items are published; the same as `port` where the server has only one. */
  readonly publishPort: number;
}

/** The response body of the small GET of the benches. */
export const SMALL_BODY = 'hello world\n';

/** Starts Holdfast as a user would, as a reverse proxy of one origin; only the limits that a bench would hit are raised. */
export async function startHoldfast(children: Children, launcher: string, originPort: number): Promise<Server> {
  const [port, publishPort] = (await freePorts(2)) as [number, number];
  const file = join(children.directory, `holdfast-${port}.toml`);
  writeFileSync(
    file,
    `[server]
listen = ["127.0.0.1:${port}"]
max_connections = 50000

[control]
listen = ["127.0.0.1:${publishPort}"]

[log]
level = "warn"

[[route]]
host = "*"
targets = ["127.0.0.1:${originPort}"]
`,
  );
  const child = children.start('holdfast', 'server', process.execPath, [launcher, 'run', '--config', file]);
  await Promise.all([listening(port, 'holdfast'), listening(publishPort, 'holdfast')]);
  return { child, port, publishPort };
}

/** Starts the Node program that does the least that a server can do. */
export async function startBare(children: Children): Promise<Server> {
  const program = startProgram<BareServer>(children, 'server', 'bare-server');
  const ports = await program.call('listen', SMALL_BODY);
  return { child: program.child, ...ports };
}

/** An nginx that responds to every request with a small text, and to `/file` with that file, if there is one. */
export function startNginxOrigin(children: Children, file?: string): Promise<Server> {
  const small = `location / { return 200 "${SMALL_BODY.replace('\n', '\\n')}"; }`;
  const large = file === undefined ? '' : `location = /file { sendfile on; alias ${file}; }`;
  return startNginx(children, 'nginx origin', 'load', '', small + large);
}

/** An nginx that forwards every request to the origin over connections that it keeps. */
export function startNginxProxy(children: Children, originPort: number): Promise<Server> {
  return startNginx(
    children,
    'nginx',
    'server',
    `upstream origin { server 127.0.0.1:${originPort}; keepalive 64; keepalive_requests 1000000000; }`,
    'location / { proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; }',
  );
}

/** An nginx with nchan: EventSource subscribers at /stream, publishers at /publish, one channel. */
export function startNchan(children: Children): Promise<Server> {
  // The buffer is longer than the items in flight ever are, so a subscriber that lags behind loses nothing.
  return startNginx(
    children,
    'nchan',
    'server',
    '',
    `location = /stream {
      nchan_subscriber eventsource;
      nchan_channel_id bench;
      nchan_subscriber_first_message newest;
    }
    location = /publish {
      nchan_publisher;
      nchan_channel_id bench;
      nchan_message_buffer_length 100;
      nchan_message_timeout 1m;
    }`,
    nchanModule(),
  );
}

/** Where the nchan module of this nginx is, if it is installed. */
export function nchanModule(): string {
  const folder = /--modules-path=(\S+)/.exec(outputOf('nginx', '-V'))?.[1] ?? '/usr/lib/nginx/modules';
  return join(folder, 'ngx_nchan_module.so');
}

async function startNginx(
  children: Children,
  name: string,
  role: 'server' | 'load',
  http: string,
  server: string,
  module?: string,
): Promise<Server> {
  const [port] = (await freePorts(1)) as [number];
  const file = join(children.directory, `nginx-${port}.conf`);
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  writeFileSync(
    file,
    `${module === undefined ? '' : `load_module ${module};`}
daemon off;
master_process off;
worker_processes 1;
pid nginx-${port}.pid;
error_log stderr warn;
events { worker_connections 19900; }
http {
  access_log off;
  keepalive_requests 1000000000;
  tcp_nodelay on;
  ${folders.map((folder) => `${folder}_temp_path nginx-${port}-${folder};`).join(' ')}
  ${http}
  server {
    listen 127.0.0.1:${port} backlog=4096;
    ${server}
  }
}
`,
  );
  const child = children.start(name, role, 'nginx', ['-e', 'stderr', '-p', children.directory, '-c', file]);
  await listening(port, name);
  return { child, port, publishPort: port };
}

/** An origin inside the bench's own process that lets every request be held as a stream on the channel `bench`. */
export async function startGripOrigin(): Promise<{ readonly port: number; close(): void }> {
  const server = createServer((_request, response) => {
    response.writeHead(200, {
      'Content-Type': 'text/event-stream',
      'Content-Length': 0,
      'Grip-Hold': 'stream',
      'Grip-Channel': 'bench',
    });
    response.end();
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
