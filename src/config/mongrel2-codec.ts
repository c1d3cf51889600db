import { formatHostPort, parseHostPort } from './host-port.ts';
import { belowRoot, endpointBelowRoot, endpointInRoot, inRoot } from './mongrel2-paths.ts';
import type { Mongrel2Handler, Mongrel2Route, Mongrel2Server, Mongrel2Target, Mongrel2Tls } from './mongrel2-site.ts';
import { type HandlerTable, plainRoute, type RouteTable, type ServerTable } from './mongrel2-tables.ts';

/** The server that a valid table describes. */
export function decodeServer(table: ServerTable): Mongrel2Server {
  const { root, settings } = table;
  const handlers = new Map(Object.entries(table.handler).map(([name, keys]) => [name, handlerOf(root, name, keys)]));
  return {
    uuid: table.uuid,
    name: table.name,
    root,
    listen: table.listen,
    tls: tlsOf(root, table.tls),
    accessLog: inRoot(root, table.access_log) || null,
    errorLog: inRoot(root, table.error_log) || null,
    pidFile: inRoot(root, table.pid_file) || null,
    defaultHost: table.default_host,
    controlPort: endpointInRoot(root, table.control_port) || null,
    hosts: table.host.map(({ name, matching, route }) => ({
      name,
      matching: matching || name,
      routes: route.map((keys) => ({ path: keys.path, target: targetOf(root, keys, handlers) })),
    })),
    settings: {
      ...settings,
      uploadTempStore: inRoot(root, settings.uploadTempStore) || null,
      uploadTempStoreName: settings.uploadTempStore,
    },
    mimeTypes: Object.fromEntries(
      Object.entries(table.mime_types).map(([extension, type]) => [extension.toLowerCase(), type]),
    ),
  };
}

/** The table that `decodeServer` reads as `server`. */
export function encodeServer(server: Mongrel2Server): ServerTable {
  const { root, tls } = server;
  const { uploadTempStoreName: uploadTempStore, ...settings } = server.settings;
  const path = (of: string | null) => belowRoot(root, of ?? '');
  return {
    listen: server.listen,
    uuid: server.uuid,
    name: server.name,
    root,
    default_host: server.defaultHost,
    access_log: path(server.accessLog),
    error_log: path(server.errorLog),
    pid_file: path(server.pidFile),
    control_port: endpointBelowRoot(root, server.controlPort ?? ''),
    mime_types: { ...server.mimeTypes },
    settings: { ...settings, uploadTempStore },
    tls:
      tls === null
        ? null
        : {
            certdir: path(tls.certdir),
            ciphers: tls.ciphers ?? '',
            client_ca: path(tls.clientCa),
            client_required: tls.clientRequired,
          },
    handler: Object.fromEntries(handlersOf(server).map((handler) => [handler.name, handlerTableOf(root, handler)])),
    host: server.hosts.map(({ name, matching, routes }) => ({
      name,
      matching: matching === name ? '' : matching,
      route: routes.map((route) => routeTableOf(root, route)),
    })),
  };
}

/** The handlers that the routes of a server name, each once. */
export function handlersOf({ hosts }: Pick<Mongrel2Server, 'hosts'>): Mongrel2Handler[] {
  const targets = new Set(hosts.flatMap(({ routes }) => routes.map(({ target }) => target)));
  return [...targets].filter((target) => target.kind === 'handler');
}

function tlsOf(root: string, tls: ServerTable['tls']): Mongrel2Tls | null {
  if (tls === null) return null;
  return {
    certdir: inRoot(root, tls.certdir),
    ciphers: tls.ciphers || null,
    clientCa: inRoot(root, tls.client_ca) || null,
    clientRequired: tls.client_required,
  };
}

function handlerOf(root: string, name: string, keys: HandlerTable): Mongrel2Handler {
  return {
    kind: 'handler',
    name,
    sendSpec: endpointInRoot(root, keys.send_spec),
    sendIdent: keys.send_ident,
    recvSpec: endpointInRoot(root, keys.recv_spec),
    recvIdent: keys.recv_ident,
    protocol: keys.protocol,
    rawPayload: keys.raw_payload,
    sticky: keys.sticky,
  };
}

function handlerTableOf(root: string, handler: Mongrel2Handler): HandlerTable {
  return {
    send_spec: endpointBelowRoot(root, handler.sendSpec),
    send_ident: handler.sendIdent,
    recv_spec: endpointBelowRoot(root, handler.recvSpec),
    recv_ident: handler.recvIdent,
    protocol: handler.protocol,
    raw_payload: handler.rawPayload,
    sticky: handler.sticky,
  };
}

function targetOf(root: string, keys: RouteTable, handlers: ReadonlyMap<string, Mongrel2Handler>): Mongrel2Target {
  if (keys.proxy !== '') return { kind: 'proxy', ...parseHostPort(keys.proxy, 1) };
  if (keys.dir === '') return handlers.get(keys.handler) as Mongrel2Handler;
  return {
    kind: 'dir',
    base: inRoot(root, keys.dir),
    indexFile: keys.index_file,
    defaultType: keys.default_type,
    cacheTtl: keys.cache_ttl,
    followLinks: keys.follow_links,
  };
}

function routeTableOf(root: string, { path, target }: Mongrel2Route): RouteTable {
  const keys = { ...plainRoute, path };
  if (target.kind === 'handler') return { ...keys, handler: target.name };
  if (target.kind === 'proxy') return { ...keys, proxy: formatHostPort(target) };
  return {
    ...keys,
    dir: belowRoot(root, target.base),
    index_file: target.indexFile,
    default_type: target.defaultType,
    cache_ttl: target.cacheTtl,
    follow_links: target.followLinks,
  };
}
