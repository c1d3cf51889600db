#!/usr/bin/env node
// Starts a whole cluster on this machine: three NATS servers that are one cluster, three nodes of Holdfast, an origin, and haproxy
// in front of the nodes. It needs nats-server, haproxy and holdfast. Ctrl-C ends all of it.
//
//   node start.mjs [FOLDER]      configuration files and data go to FOLDER, by default ./run
//
// PORTS=… (15 numbers, comma-separated) chooses other ports than 7000 to 7014.

import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = resolve(process.argv[2] ?? 'run');
const ports = process.env.PORTS?.split(',').map(Number) ?? Array.from({ length: 15 }, (_, index) => 7000 + index);
const [balancer, publishing, originPort] = ports;
const brokers = [0, 1, 2].map((n) => ({ name: `nats${n + 1}`, port: ports[3 + n], cluster: ports[6 + n] }));
const nodes = [0, 1, 2].map((n) => ({ name: `node${n + 1}`, port: ports[9 + n], control: ports[12 + n] }));

/** Of the operator, who may do everything, and publishes. */
const password = randomBytes(9).toString('base64url');

const own = fileURLToPath(new URL('../../bin/holdfast', import.meta.url));
const holdfast = existsSync(own) ? own : 'holdfast';

/** A broker. In production each is on a machine of its own, and asks for credentials. */
const natsConf = ({ name, port, cluster }) => `server_name: ${name}
listen: "127.0.0.1:${port}"
jetstream { store_dir: "${join(folder, name)}" }
cluster {
  name: example
  listen: "127.0.0.1:${cluster}"
  routes: [${brokers.map(({ cluster }) => `"nats-route://127.0.0.1:${cluster}/"`).join(', ')}]
}
`;

/** A node. All have the same channels and routes. */
const holdfastToml = ({ name, port, control }) => `[server]
listen = ["127.0.0.1:${port}"]
# A node that stops sends its clients away over so many seconds.
drain_timeout = 10

[control]
# Whoever may connect to the socket may do everything. Over the port a name and a password are needed, but for /readyz.
listen = ["127.0.0.1:${control}", "unix:${join(folder, name)}.sock"]

[[control.user]]
name = "operator"
password = "${password}"
role = "admin"

[cluster]
nats = [${brokers.map(({ port }) => `"nats://127.0.0.1:${port}"`).join(', ')}]
node = "${name}"
replicas = 3

[[channel]]
match = ">"
history_items = 1000

[[route]]
host = "*"
targets = ["localhost:${originPort}"]
`;

const server = ({ name, port, control }) =>
  `server ${name} 127.0.0.1:${port} check port ${control} inter 1s fall 2 rise 1`;

/** Clients and publishers come to any node that is ready. */
const haproxyCfg = () => `global
    maxconn 2000

defaults
    mode http
    timeout connect 2s
    # Longer than the keep-alive of an event stream, and than a long poll.
    timeout client 2m
    timeout server 2m
    # WebSockets
    timeout tunnel 1h
    option redispatch 1
    # A client that leaves is gone at once, also while it is silent.
    option abortonclose
    retries 2
    # 503 while a node starts or drains.
    option httpchk
    http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host localhost

frontend clients
    bind 127.0.0.1:${balancer}
    default_backend nodes

backend nodes
    # Connections last: those of a node that has restarted are to fill up again.
    balance leastconn
    ${nodes.map(server).join('\n    ')}

frontend publishers
    bind 127.0.0.1:${publishing}
    default_backend controls

backend controls
    balance roundrobin
    ${nodes.map((node) => server({ ...node, port: node.control })).join('\n    ')}
`;

/** The application: it says which channel a client is on, and is then out of the path. */
const origin = createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://localhost');
  if (pathname === '/events') {
    const hold = { 'Content-Type': 'text/event-stream', 'Grip-Hold': 'stream', 'Grip-Channel': 'demo' };
    response.writeHead(200, { ...hold, 'Grip-Keep-Alive': ':\\n\\n; format=cstring; timeout=30' }).end();
    return;
  }
  response.writeHead(200, { 'Content-Type': 'text/html' });
  response.end(
    '<pre id=log></pre><script>new EventSource("/events").onmessage = (e) => log.append(e.data + "\\n")</script>',
  );
});

const running = [];
let ending = false;
/** Whether all nodes have been ready, and whether a program has ended before. */
let started = false;
let failed = false;

/** Starts a program, whose output goes to a file. */
function start(name, command, args) {
  const log = join(folder, `${name}.log`);
  const child = spawn('/bin/sh', ['-c', 'exec "$0" "$@" >"$LOG" 2>&1', command, ...args], {
    env: { ...process.env, LOG: log },
    // Ctrl-C reaches this script alone, which ends the others.
    detached: true,
  });
  running.push(child);
  child.on('exit', (code, signal) => {
    running.splice(running.indexOf(child), 1);
    if (!started) failed = true;
    if (!ending) console.log(`${name} has ended (${signal ?? code}): see ${log}`);
  });
  console.log(`${name} (process ${child.pid})`);
}

/** Writes a file of the folder. Returns its path. */
function file(name, text) {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function isReady({ control }) {
  const response = await fetch(`http://localhost:${control}/readyz`).catch(() => null);
  return response?.ok === true;
}

async function end() {
  if (ending) return;
  ending = true;
  console.log('Ending all. It takes up to 10 s, in which the nodes send their clients away.');
  for (const child of running) child.kill('SIGTERM');
  origin.close();
  origin.closeAllConnections();
}

process.on('SIGINT', end).on('SIGTERM', end);
mkdirSync(folder, { recursive: true });
try {
  await once(origin.listen(originPort, 'localhost'), 'listening');
} catch ({ message }) {
  console.error(`The origin cannot listen: ${message}`);
  process.exit(1);
}
for (const broker of brokers) {
  if (ending) break;
  start(broker.name, 'nats-server', ['-c', file(`${broker.name}.conf`, natsConf(broker))]);
  // Of three that start in the same moment, two may agree on a group of JetStream without the third one.
  await new Promise((done) => setTimeout(done, 1_000));
}
for (const node of ending ? [] : nodes)
  start(node.name, holdfast, ['run', '--config', file(`${node.name}.toml`, holdfastToml(node))]);
if (!ending) start('haproxy', 'haproxy', ['-f', file('haproxy.cfg', haproxyCfg())]);
for (const node of nodes) {
  while (!ending && !failed && !(await isReady(node))) await new Promise((done) => setTimeout(done, 200));
}
started = true;
if (failed && !ending) {
  process.exitCode = 1;
  end();
} else if (!ending) {
  console.log(`
clients:     http://127.0.0.1:${balancer}/
publishers:  curl -u operator:${password} -d hello http://127.0.0.1:${publishing}/channels/demo/message
dashboard:   http://127.0.0.1:${nodes[0].control}/dashboard/ (log in as operator with the password ${password})
nodes:       ${holdfast} nodes --url unix:${join(folder, 'node1.sock')}
Ctrl-C ends all.`);
}
