import { isIP } from 'node:net';
import { keyName } from './config-error.ts';
import { controlListen } from './control-listen.ts';
import type { EdgeListener } from './edge-listener.ts';
import { hasProxy } from './has-proxy.ts';
import { formatListenAddress, type ListenAddress } from './listen-address.ts';
import { handlersOf } from './mongrel2-codec.ts';
import type { Mongrel2Server } from './mongrel2-site.ts';
import type { StreamEndpoints } from './zmq-endpoint.ts';

/** What all servers and sockets of one process listen on. */
export interface Listeners {
  readonly server: {
    readonly listen: readonly ListenAddress[];
    readonly zhttp: readonly StreamEndpoints[];
    readonly zhttpBind: boolean;
  };
  readonly control: { readonly listen?: readonly ListenAddress[] | undefined };
  readonly edge: { readonly listen: readonly EdgeListener[]; readonly mongrel2: readonly Mongrel2Server[] };
  readonly stats: { readonly prometheus: readonly ListenAddress[]; readonly pub: readonly string[] };
  readonly publish: {
    readonly pull: readonly string[];
    readonly sub: readonly string[];
    readonly subConnect: boolean;
    readonly command: readonly string[];
  };
}

/** A place in the configuration, such as `['server', 'listen', 0]` or `['edge', 'mongrel2', 0, 'listen']`. */
export type ListenPath = readonly [section: string, key: string, index: number, ...rest: string[]];

/** A listen address that an earlier one already covers. */
export interface ListenCollision {
  readonly path: ListenPath;
  readonly earlier: ListenPath;
  readonly message: string;
}

/** Where something listens, and the key that says so. */
export interface ListenPlace {
  readonly path: ListenPath;
  readonly address: ListenAddress;
  /** As it stands in the configuration. */
  readonly text: string;
}

/** The name of an address where it is configured. */
export type NameOfListener = (path: ListenPath) => string;

/** As `keyName`. */
const keyOf: NameOfListener = keyName;

/** Finds listen addresses that cannot be bound because another one of the same process covers them. Port 0 never collides. */
export function listenCollisions(listeners: Listeners, nameOf: NameOfListener = keyOf): ListenCollision[] {
  const places = listenPlaces(listeners);
  return places.flatMap(({ path, address, text }, at) => {
    const earlier = places.slice(0, at).find((other) => collide(other.address, address));
    if (earlier === undefined) return [];
    const message = `${text} is already used by ${nameOf(earlier.path)} (${earlier.text}): choose another port`;
    return [{ path, earlier: earlier.path, message }];
  });
}

/** All places where a process listens, or binds ZeroMQ sockets. */
export function listenPlaces({ server, control, edge, stats, publish }: Listeners): ListenPlace[] {
  // Without the proxy there is nothing to publish to, and nothing to count.
  const proxies = hasProxy(server);
  return [
    ...placesOf('server', 'listen', server.listen),
    ...placesOf(
      'edge',
      'listen',
      edge.listen.map(({ address }) => address),
    ),
    ...edge.mongrel2.flatMap(placesOfMongrel2),
    ...(server.zhttpBind ? server.zhttp.flatMap(threePlaces) : []),
    ...placesOf('control', 'listen', controlListen({ server, control })),
    ...(proxies ? placesOf('stats', 'prometheus', stats.prometheus) : []),
    ...(proxies ? endpointPlaces('stats', 'pub', stats.pub) : []),
    ...(proxies ? endpointPlaces('publish', 'pull', publish.pull) : []),
    ...(proxies && !publish.subConnect ? endpointPlaces('publish', 'sub', publish.sub) : []),
    ...(proxies ? endpointPlaces('publish', 'command', publish.command) : []),
  ];
}

function placesOf(section: string, key: string, addresses: readonly ListenAddress[]): ListenPlace[] {
  return addresses.map((address, index) => ({
    path: [section, key, index],
    address,
    text: formatListenAddress(address),
  }));
}

/** The three endpoints of an entry of `zhttp`. */
function threePlaces({ out, outStream, in: into }: StreamEndpoints, index: number): ListenPlace[] {
  return [out, outStream, into].map((text) => ({
    path: ['server', 'zhttp', index],
    address: endpointAddress(text),
    text,
  }));
}

function endpointPlaces(section: string, key: string, endpoints: readonly string[]): ListenPlace[] {
  return endpoints.map((text, index) => ({ path: [section, key, index], address: endpointAddress(text), text }));
}

/** Where a Mongrel2 server listens: for clients, for handlers, and for commands. */
function placesOfMongrel2(site: Mongrel2Server, index: number): ListenPlace[] {
  const at = (...rest: string[]): ListenPath => ['edge', 'mongrel2', index, ...rest];
  const bound = (endpoint: string, ...rest: string[]): ListenPlace => {
    return { path: at(...rest), address: endpointAddress(endpoint), text: endpoint };
  };
  return [
    { path: at('listen'), address: site.listen, text: formatListenAddress(site.listen) },
    ...handlersOf(site).flatMap(({ name, sendSpec, recvSpec }) => [
      bound(sendSpec, 'handler', name, 'send_spec'),
      bound(recvSpec, 'handler', name, 'recv_spec'),
    ]),
    ...(site.controlPort === null ? [] : [bound(site.controlPort, 'control_port')]),
  ];
}

/** What a socket that is bound to a ZeroMQ endpoint listens on. */
export function endpointAddress(endpoint: string): ListenAddress {
  const [, path] = /^ipc:\/\/(.*)$/.exec(endpoint) ?? [];
  if (path !== undefined) return { kind: 'unix', path, mode: null, user: null, group: null };
  const [, host = '', port] = /^tcp:\/\/(.*):(\d+)$/.exec(endpoint) ?? [];
  return { kind: 'tcp', host: host === '*' ? null : host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) };
}

function collide(a: ListenAddress, b: ListenAddress): boolean {
  if (a.kind === 'unix' || b.kind === 'unix') return a.kind === 'unix' && b.kind === 'unix' && a.path === b.path;
  if (a.port !== b.port || a.port === 0) return false;
  return covers(a.host, b.host) || covers(b.host, a.host);
}

/** Whether a listener on `wide` also takes the connections of `host`. */
function covers(wide: string | null, host: string | null): boolean {
  const [one, other] = [plain(wide), plain(host)];
  if (one === '::' || one === other) return true;
  return one === '0.0.0.0' && isIP(other) !== 6;
}

/** An address in one notation. A port alone listens on every interface, which is what `::` stands for. */
function plain(host: string | null): string {
  if (host === null) return '::';
  if (host.toLowerCase() === 'localhost') return '127.0.0.1';
  if (isIP(host) !== 6) return host.toLowerCase();
  return new URL(`http://[${host.replace(/%.*$/, '')}]`).hostname.slice(1, -1);
}
