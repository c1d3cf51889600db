import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BareServer } from '../programs/bare-server.ts';
import type { EchoOrigin } from '../programs/echo-origin.ts';
import type { GripOrigin } from '../programs/grip-origin.ts';
import type { Child, Children } from './children.ts';
import { outputOf } from './commands.ts';
import { freePorts, listening } from './ports.ts';
import { ROOT, startProgram } from './program.ts';

/** A server under measurement, listening on loopback. */
export interface Server {
  readonly child: Child;
  /** Where clients connect. */
  readonly port: number;
  /** Where items are published; the same as `port` where the server has only one. */
  readonly publishPort: number;
  /** Where items are published over ZeroMQ; 0 where that is not asked for. */
  readonly pullPort: number;
}

/** How Holdfast is started, besides the port of its origin. */
export interface HoldfastOptions {
  /** Beginning of the paths that the route is for. Default: any. */
  readonly path?: string;
  /** Tables of the route, and others after them, as TOML. Default: none. */
  readonly tables?: string;
  /** Properties of the target, such as `over_http`. */
  readonly target?: string;
  /** Worker processes. Default: 1, without a line in the configuration. */
  readonly workers?: number;
  /** Whether a PULL socket takes items. Default: false. */
  readonly pull?: boolean;
  /** Whether there is a control port. Without one it does not watch itself for metrics. Default: true. */
  readonly control?: boolean;
  /** File of the access log, as JSON. Default: there is none. */
  readonly accessLog?: string;
  /** Of the log, on the standard output. Default: `warn`. */
  readonly logLevel?: 'warn' | 'info';
}

/** The response body of the small GET of the benches. */
export const SMALL_BODY = 'hello world\n';

/** Starts Holdfast as a user would, as a reverse proxy of one origin; only the limits that a bench would hit are raised. */
export async function startHoldfast(
  children: Children,
  launcher: string,
  originPort: number,
  {
    path = '',
    tables = '',
    target = '',
    workers = 1,
    pull = false,
    control = true,
    accessLog,
    logLevel = 'warn',
  }: HoldfastOptions = {},
): Promise<Server> {
  const [port, publishPort, freePort] = (await freePorts(3)) as [number, number, number];
  const pullPort = pull ? freePort : 0;
  const file = join(children.directory, `holdfast-${port}.toml`);
  writeFileSync(
    file,
    `[server]
listen = ["127.0.0.1:${port}"]
max_connections = 50000
${workers > 1 ? `workers = ${workers}` : ''}

[control]
listen = [${control ? `"127.0.0.1:${publishPort}"` : ''}]

[publish]
${pull ? `pull = ["tcp://127.0.0.1:${pullPort}"]` : ''}

[log]
level = "${logLevel}"

${accessLog === undefined ? '' : `[access_log]\nto = "${accessLog}"\nformat = "json"\n`}
[[route]]
host = "*"
${path === '' ? '' : `path_beg = "${path}"`}
targets = ["127.0.0.1:${originPort}${target === '' ? '' : `,${target}`}"]
${tables}
`,
  );
  const child = children.start('holdfast', 'server', process.execPath, [launcher, 'run', '--config', file]);
  await Promise.all([port, ...(control ? [publishPort] : [])].map((each) => listening(each, 'holdfast')));
  return { child, port, publishPort, pullPort };
}

/** Starts the Node program that does the least that a server can do. */
export async function startBare(children: Children): Promise<Server> {
  const program = startProgram<BareServer>(children, 'server', 'bare-server');
  const ports = await program.call('listen', SMALL_BODY);
  return { child: program.child, ...ports, pullPort: 0 };
}

/**
 * An nginx that responds to every request with a small text, and to `/file` with that file, if there is one. A GET of `/stream` is held as a stream of
 * the channel `bench`.
 */
export function startNginxOrigin(children: Children, file?: string): Promise<Server> {
  const stream = `location = /stream {
      default_type text/event-stream;
      add_header Grip-Hold stream;
      add_header Grip-Channel bench;
      return 200 "";
    }`;
  const small = `location / { return 200 "${SMALL_BODY.replace('\n', '\\n')}"; }`;
  const large = file === undefined ? '' : `location = /file { sendfile on; alias ${file}; }`;
  return startNginx(children, 'nginx origin', 'load', '', stream + small + large);
}

/** An nginx that serves the files of a folder, which it reads and writes as other programs do. */
export function startNginxFiles(children: Children, folder: string): Promise<Server> {
  return startNginx(children, 'nginx', 'server', 'sendfile off;', `location / { root ${folder}; }`);
}

/** Starts Holdfast as a Mongrel2 site with one folder. */
export async function startMongrel2Dir(children: Children, launcher: string, folder: string): Promise<Server> {
  const [port] = (await freePorts(1)) as [number];
  const file = join(children.directory, `mongrel2-${port}.conf`);
  writeFileSync(
    file,
    `files = Dir(base="${folder}/", index_file="index.html", default_ctype="text/plain")
site = Host(name="localhost", routes={"/": files})
main = Server(uuid="bench", chroot="", access_log="/access.log", error_log="/error.log",
  pid_file="/mongrel2-${port}.pid", default_host="localhost", name="main", bind_addr="127.0.0.1", port=${port}, hosts=[site])
servers = [main]
settings = {"disable.access_logging": 1}
`,
  );
  const child = children.start('holdfast', 'server', process.execPath, [launcher, 'mongrel2', file]);
  await listening(port, 'holdfast');
  return { child, port, publishPort: port, pullPort: 0 };
}

/** An nginx that forwards every request to the origin over connections that it keeps. */
export function startNginxProxy(children: Children, originPort: number): Promise<Server> {
  return startNginx(children, 'nginx', 'server', upstreamOf(originPort), `location / { ${PROXY_PASS} }`);
}

/** An origin whose connections are kept. */
function upstreamOf(port: number): string {
  return `upstream origin { server 127.0.0.1:${port}; keepalive 64; keepalive_requests 1000000000; }`;
}

/** Forwards requests to it. */
const PROXY_PASS = 'proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection "";';

/** An nginx that forwards WebSockets to the origin. */
export function startNginxWebSocketProxy(children: Children, originPort: number): Promise<Server> {
  return startNginx(
    children,
    'nginx',
    'server',
    '',
    `location / {
      proxy_pass http://127.0.0.1:${originPort};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
    }`,
  );
}

/** Starts an origin that speaks GRIP; returns its port. */
export async function startGripOrigin(children: Children): Promise<number> {
  return startProgram<GripOrigin>(children, 'load', 'grip-origin').call('listen', SMALL_BODY);
}

/** Starts an origin that sends every WebSocket message back; returns its port. */
export async function startEchoOrigin(children: Children): Promise<number> {
  return startProgram<EchoOrigin>(children, 'load', 'echo-origin').call('listen', ROOT);
}

/**
 * An nginx with nchan: EventSource subscribers at /stream, WebSockets at /ws, publishers at /publish, all of one channel. A number after the
 * path, as in /stream/7, is a channel of its own.
 * @param authorizing port of an origin that is asked about each subscriber of /stream; 0 for none
 */
export function startNchan(children: Children, authorizing = 0): Promise<Server> {
  // The buffer is longer than the items in flight ever are, so a subscriber that lags behind loses nothing.
  const publisher = `nchan_publisher;
      nchan_message_buffer_length 100;
      nchan_message_timeout 1m;`;
  const subscriber = (kind: string) => `nchan_subscriber ${kind};
      nchan_subscriber_first_message newest;`;
  const asks = authorizing === 0 ? '' : 'nchan_authorize_request /authorize;';
  const authorize = `location = /authorize { internal; ${PROXY_PASS} }`;
  return startNginx(
    children,
    'nchan',
    'server',
    `nchan_shared_memory_size 512M; ${authorizing === 0 ? '' : upstreamOf(authorizing)}`,
    `${authorizing === 0 ? '' : authorize}
    location = /stream { ${subscriber('eventsource')} nchan_channel_id bench; ${asks} }
    location = /ws { ${subscriber('websocket')} nchan_channel_id bench; }
    location = /publish { ${publisher} nchan_channel_id bench; }
    location ~ ^/stream/(\\d+)$ { ${subscriber('eventsource')} nchan_channel_id $1; }
    location ~ ^/publish/(\\d+)$ { ${publisher} nchan_channel_id $1; }`,
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
  return { child, port, publishPort: port, pullPort: 0 };
}
