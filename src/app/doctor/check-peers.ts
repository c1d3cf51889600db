import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { originOf } from '../../client/index.ts';
import {
  type Config,
  formatDnsServer,
  type StreamEndpoints,
  streamEndpoints,
  type Target,
  targetName,
} from '../../config/index.ts';
import { systemErrorText } from '../../exchange/index.ts';
import { type DialError, type DialTarget, DnsResolver, dialUnix, SystemResolver, TcpDialler } from '../../net/index.ts';
import type { FetchPlan } from '../fetch-plan.ts';
import { linkOrigin, targetOrigin } from '../target-origin.ts';
import { type Finding, Findings } from './finding.ts';

/** Milliseconds that one peer has to accept a connection. */
const PATIENCE = 3_000;

/** Connections that are tried at the same time. */
const AT_ONCE = 32;

/** Peers that are looked at: so many take at most half a minute. */
const MAX_PEERS = 320;

/** One place that the server connects to. */
interface PeerCheck {
  readonly check: 'origin' | 'zeromq' | 'dns' | 'service';
  readonly subject: string;
  readonly run: () => Promise<void>;
}

const ADVICE: Readonly<Record<DialError['kind'], string>> = {
  resolve: 'correct the name, or the name servers in /etc/resolv.conf',
  policy: 'the address is internal, and the target is "untrusted"',
  unreachable: 'start the origin, or correct host and port; a firewall may be in between',
  timeout: 'a firewall may be in between, or the host is down',
  descriptors: 'raise the limit of open files',
  tls: 'correct the certificate of the origin, or trust its authority (SSL_CERT_FILE)',
};

/**
 * Whether origins, ZeroMQ peers, DNS servers and the services that the server itself asks can be reached. Connects to each, and sends nothing but
 * what TLS and DNS need.
 */
export async function checkPeers(config: Config, plans: readonly FetchPlan[]): Promise<Finding[]> {
  const dialler = new TcpDialler({ resolver: new SystemResolver() });
  const peers = uniquePeers([
    ...originsOf(config, dialler),
    ...siteOriginsOf(config, dialler),
    ...servicesOf(config, dialler),
    ...zmqPeersOf(config, plans, dialler),
    ...serversOf(plans),
  ]);
  const findings: Finding[] = [];
  const looked = peers.slice(0, MAX_PEERS);
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let peer = looked[next++]; peer !== undefined; peer = looked[next++]) findings.push(await found(peer));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  const left = peers.length - looked.length;
  if (left > 0) {
    const rest = new Findings('origin');
    rest.warn(
      `${left} more`,
      `only ${MAX_PEERS} peers are looked at`,
      'look at the others with a smaller configuration',
    );
    findings.push(...rest.all);
  }
  return findings.sort((a, b) => a.check.localeCompare(b.check) || a.subject.localeCompare(b.subject));
}

function uniquePeers(peers: readonly PeerCheck[]): PeerCheck[] {
  return [...new Map(peers.map((peer) => [`${peer.check} ${peer.subject}`, peer])).values()];
}

async function found({ check, subject, run }: PeerCheck): Promise<Finding> {
  const findings = new Findings(check);
  try {
    await run();
    findings.ok(subject, check === 'dns' ? 'responds' : 'accepts connections');
  } catch (error) {
    const kind = (error as Partial<DialError>).kind;
    const text = systemErrorText(error);
    if (check === 'zeromq') findings.warn(subject, text, 'start the peer: it is connected to as soon as it is there');
    else if (check === 'service') findings.warn(subject, text, kind === undefined ? 'correct the URL' : ADVICE[kind]);
    else if (check === 'dns') findings.fail(subject, text, 'correct dns_servers under [fetch]');
    else findings.fail(subject, text, kind === undefined ? 'correct the target' : ADVICE[kind]);
  }
  return findings.all[0] as Finding;
}

function originsOf({ routes, proxy }: Config, dialler: TcpDialler): PeerCheck[] {
  // Another program makes the requests then.
  if (proxy.fetch.length > 0) return [];
  const targets = routes.flatMap((route) => route.targets.filter(({ kind }) => kind === 'http'));
  return targets.map((target) => ({
    check: 'origin',
    subject: `${targetName(target)}${target.tls === null ? '' : ' (TLS)'}`,
    run: () => connected(dialler, dialTarget(target)),
  }));
}

/** The origins of Mongrel2 servers. */
function siteOriginsOf({ edge }: Config, dialler: TcpDialler): PeerCheck[] {
  const targets = edge.mongrel2.flatMap(({ hosts }) =>
    hosts.flatMap(({ routes }) => routes.map(({ target }) => target)),
  );
  return targets.flatMap((target) => {
    if (target.kind !== 'proxy') return [];
    const origin = originOf(target.host, target.port);
    return [{ check: 'origin', subject: origin.name, run: () => connected(dialler, origin) }];
  });
}

/** What the server asks by itself: the collector of spans, key sets, and the authority of certificates. */
function servicesOf({ server, routes, trace, acme }: Config, dialler: TcpDialler): PeerCheck[] {
  const service = (url: string, what: string, verify = true): PeerCheck => {
    const origin = linkOrigin(new URL(url), false);
    const tls = origin.tls === null ? null : { ...origin.tls, verify };
    return {
      check: 'service',
      subject: `${origin.name} (${what})`,
      run: () => connected(dialler, { ...origin, tls }),
    };
  };
  const services: PeerCheck[] = [];
  if (trace.otlp !== '') services.push(service(trace.otlp, 'collector of spans'));
  for (const { jwt } of routes) if (jwt != null && jwt.jwks !== '') services.push(service(jwt.jwks, 'keys for tokens'));
  // Whether its certificate is trusted an order shows, which has other authorities for that.
  const orders = server.listen.some(({ tls }) => tls?.acme);
  if (orders) services.push(service(acme.directory, 'authority of certificates', acme.ca === ''));
  return services;
}

function dialTarget(target: Target): DialTarget {
  const { host, port, hostHeader } = target;
  const origin = targetOrigin(target, (path) => readFileSync(path, 'utf8'))({ headers: ['Host', hostHeader || host] });
  return { host, port, guard: origin.guard, ipv4Only: false, tls: origin.tls };
}

function zmqPeersOf(
  { server, edge, publish, proxy }: Config,
  plans: readonly FetchPlan[],
  dialler: TcpDialler,
): PeerCheck[] {
  const endpoints: string[] = [];
  const three = ({ out, outStream, in: into }: StreamEndpoints): string[] => [out, outStream, into];
  if (!server.zhttpBind) endpoints.push(...server.zhttp.flatMap(three));
  const modes = new Set(edge.listen.map(({ mode }) => mode));
  if (edge.zclientConnect && modes.has('stream'))
    endpoints.push(...edge.zclientStream.map(streamEndpoints).flatMap(three));
  if (edge.zclientConnect && modes.has('req')) endpoints.push(...edge.zclientReq);
  if (publish.subConnect) endpoints.push(...publish.sub);
  for (const each of proxy.fetch) endpoints.push(each.in, each.inStream, each.out);
  for (const { connect, stream, req } of plans) {
    if (connect) endpoints.push(...stream.flatMap(({ in: into, inStream, out }) => [into, inStream, out]), ...req);
  }
  return endpoints.map((endpoint) => ({ check: 'zeromq', subject: endpoint, run: () => reached(endpoint, dialler) }));
}

function reached(endpoint: string, dialler: TcpDialler): Promise<void> {
  const [, path] = /^ipc:\/\/(.*)$/.exec(endpoint) ?? [];
  if (path !== undefined) return connectedUnix(path.startsWith('@') ? `\0${path.slice(1)}` : path);
  const [, host = '', port = ''] = /^tcp:\/\/\[?(.*?)\]?:(\d+)$/.exec(endpoint) ?? [];
  return connected(dialler, { host, port: Number(port), guard: null, ipv4Only: false, tls: null });
}

function serversOf(plans: readonly FetchPlan[]): PeerCheck[] {
  return plans
    .flatMap(({ dnsServers }) => dnsServers.map(formatDnsServer))
    .map((server) => ({ check: 'dns', subject: server, run: () => responds(server) }));
}

/** Any response will do, also one that says that there is no such name. */
async function responds(server: string): Promise<void> {
  const resolver = new DnsResolver([server], { timeout: PATIENCE / 2, tries: 1 });
  try {
    await resolver.resolve('holdfast-doctor.invalid', 4);
  } catch (error) {
    if (!/unknown host name/.test((error as Error).message)) throw error;
  }
}

function connected(dialler: TcpDialler, target: DialTarget): Promise<void> {
  return new Promise((resolve, reject) => {
    const sink = {
      onConnected: (socket: Socket) => {
        clearTimeout(timer);
        socket.on('error', () => {});
        socket.destroy();
        resolve();
      },
      onDialFailed: (error: DialError) => {
        clearTimeout(timer);
        reject(error);
      },
      onFault: reject,
    };
    const dialling = dialler.dial(target, sink, { buffer: Buffer.alloc(1), callback: () => true });
    const timer = setTimeout(() => {
      dialling.cancel();
      reject(Object.assign(new Error(`no connection within ${PATIENCE / 1_000} s`), { kind: 'timeout' }));
    }, PATIENCE);
  });
}

function connectedUnix(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = dialUnix(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
}
