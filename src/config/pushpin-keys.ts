import { textError } from './config-error.ts';
import type { IniEntry } from './ini.ts';
import { truthValue, wholeNumber } from './ini-values.ts';
import { LOG_LEVELS } from './log-level.ts';
import { shown } from './plain-text.ts';

/** What is known of a pushpin.conf while its keys are read. */
export interface PushpinSettings {
  rundir: string;
  ipcPrefix: string;
  portOffset: number;
  routesFile: string;
  /** Addresses for clients over TCP; null without the key. */
  httpPorts: readonly string[] | null;
  /** Addresses for clients over TLS. */
  httpsPorts: readonly string[];
  /** Folder with their certificates. */
  certs: string;
  /** Unix sockets for clients. */
  localPorts: readonly string[];
  pushAddress: string;
  pushPort: number;
  /** Which services are started. */
  services: ReadonlySet<string>;
  /** Endpoints between services, by their names in the section of the proxy: those of connmgr. */
  readonly specs: Map<string, readonly string[]>;
  /** Our tables, as in TOML. */
  readonly tables: Readonly<Record<string, Record<string, unknown>>>;
  /** Keys of the file by ours: `server.max_connections`, or `server.listen[0]` where each element has its own. */
  readonly sources: Map<string, string>;
  /** Takes a key on which placeholders depend. */
  place(entry: IniEntry | undefined, key: string): void;
  /** The text with its placeholders replaced. */
  expand(text: string): string;
  /** Puts what several keys say together into the tables, once all keys have been read. */
  finish(): void;
}

/** Applies a key to the settings. Returns why it has no effect, or null if it has. Throws a `ConfigError` for a value that cannot be. */
export type PushpinKey = (entry: IniEntry, settings: PushpinSettings) => string | null;

/** Bytes of a ZeroMQ message. Pushpin has no bound, so this is far above the default of `[publish]`. */
const MAX_MESSAGE_BYTES = 16_777_216;

const SERVICES = ['connmgr', 'proxy', 'handler'];

/** The keys that say where to listen, in the order of our list. */
const LISTEN_KEYS = ['runner/http_port', 'runner/https_ports', 'runner/local_ports'];

/** What a pushpin.conf without keys means. */
export function pushpinDefaults(): PushpinSettings {
  let libdir = '/usr/lib/pushpin';
  return {
    rundir: 'run',
    ipcPrefix: 'pushpin-',
    portOffset: 0,
    routesFile: 'routes',
    httpPorts: null,
    httpsPorts: [],
    certs: 'runner/certs',
    localPorts: [],
    pushAddress: '127.0.0.1',
    pushPort: 5561,
    services: new Set(SERVICES),
    specs: new Map(),
    tables: {
      // Pushpin passes X-Request-Id on as any other field.
      server: { request_id: 'off' },
      control: {},
      publish: {
        pull: ['tcp://127.0.0.1:5560'],
        sub: ['tcp://127.0.0.1:5562'],
        command: ['tcp://127.0.0.1:5563'],
        max_message_bytes: MAX_MESSAGE_BYTES,
      },
      // An nginx origin does not compress for a request with Via, and Pushpin sends none.
      // Pushpin sends no Via, and passes X-Forwarded-For as it came.
      proxy: { via: false, x_forwarded_for: [], x_forwarded_for_trusted: [] },
      // As in Pushpin, where it is on unless the file says otherwise.
      hub: { update_on_first_subscription: true },
      edge: {},
      fetch: {},
      stats: { pub: ['ipc://{rundir}/{ipc_prefix}stats'] },
      log: {},
    },
    sources: new Map(),
    place(entry, key) {
      if (entry === undefined) return;
      const value = scalar(entry);
      if (key === 'libdir') libdir = value;
      else if (key === 'rundir') this.rundir = value;
      else if (key === 'ipc_prefix') this.ipcPrefix = value;
      else this.portOffset = whole(entry, 0);
    },
    expand(text) {
      return text
        .replaceAll('{libdir}', libdir)
        .replaceAll('{rundir}', this.rundir)
        .replaceAll('{ipc_prefix}', this.ipcPrefix);
    },
    finish() {
      const { server = {}, control = {}, publish = {}, proxy = {}, stats = {} } = this.tables;
      const ports = this.httpPorts ?? (this.localPorts.length + this.httpsPorts.length === 0 ? ['7999'] : []);
      // Pushpin names the certificate for clients without SNI after the port.
      const secure = this.httpsPorts.map((port) => `${port},tls,default-cert=default_${port.replace(/^.*:/, '')}`);
      if (secure.length > 0) server.tls_identities_dir = this.certs;
      const local = this.localPorts.map((path) => `unix:${this.expand(path)}`);
      server.listen = [...ports, ...secure, ...local];
      const listSources = [ports, secure, local].flatMap((list, kind) => list.map(() => LISTEN_KEYS[kind] as string));
      for (const [index, key] of listSources.entries()) this.sources.set(`server.listen[${index}]`, key);
      const address = this.pushAddress.includes(':')
        ? `[${this.pushAddress.replace(/^\[|\]$/g, '')}]`
        : this.pushAddress;
      control.listen = this.pushPort > 0 ? [`${address}:${this.pushPort + this.portOffset}`] : [];
      // A publisher in another container or on another machine uses a name, which may be any.
      if (!/^(127\..*|\[::1\]|localhost)$/.test(address)) control.hosts = ['*'];
      for (const key of ['pull', 'sub', 'command', 'state']) {
        publish[key] = ((publish[key] ?? []) as string[]).map((spec) => movedSpec(this.expand(spec), this.portOffset));
      }
      if (this.services.size < SERVICES.length) splitRoles(this);
      // Pushpin's workers are threads, which share sessions and the way to other services.
      const shared = [publish.state, server.zhttp, proxy.fetch] as (readonly unknown[] | undefined)[];
      if (shared.some((list) => list !== undefined && list.length > 0)) delete server.workers;
      stats.pub = (stats.pub as string[]).map((spec) => movedSpec(this.expand(spec), this.portOffset));
    },
  };
}

/** Sets one of our keys to what `read` makes of the entry. */
function to(path: string, read: (entry: IniEntry, settings: PushpinSettings) => unknown): PushpinKey {
  const [section = '', key = ''] = path.split('.');
  return (entry, settings) => {
    (settings.tables[section] as Record<string, unknown>)[key] = read(entry, settings);
    settings.sources.set(path, `${entry.section}/${entry.key}`);
    return null;
  };
}

/** The mode of all socket files of the handler: those of publishers and that of the stats. */
function ipcFileMode(entry: IniEntry, settings: PushpinSettings): null {
  to('stats.ipc_file_mode', scalar)(entry, settings);
  to('publish.ipc_file_mode', scalar)(entry, settings);
  return null;
}

/** A key without effect. Values that change nothing, such as those of the shipped file, need no words. */
function without(reason: string, ...harmless: string[]): PushpinKey {
  return (entry) => (harmless.includes(entry.values.join(',')) ? null : reason);
}

/** A key that only says what others mean, or that is read before the others. */
const placed: PushpinKey = () => null;

const ONE_PROCESS = 'all services are one process here';
const INTERNAL = 'the services of one process need no endpoints between them';

/** What the endpoints of connmgr are called in files for Pushpin with Mongrel2 and Zurl. */
const OLD_NAMES = ['m2a_in', 'm2a_in_stream', 'm2a_out', 'zurl_out', 'zurl_out_stream', 'zurl_in'].flatMap((name) => [
  `${name}_specs`,
  `${name}_spec`,
]);

/** The keys of pushpin.conf, by section and name. */
export const PUSHPIN_KEYS: ReadonlyMap<string, PushpinKey> = new Map<string, PushpinKey>([
  ['global/include', placed],
  ['global/libdir', placed],
  ['global/rundir', placed],
  ['global/ipc_prefix', placed],
  ['global/port_offset', placed],
  ['global/stats_connection_ttl', to('stats.connection_ttl', (entry) => whole(entry, 1))],
  ['global/stats_connection_send', to('stats.connection_send', boolean)],

  ['runner/rundir', placed],
  ['runner/services', services],
  ['runner/http_port', httpPorts],
  ['runner/https_ports', httpsPorts],
  ['runner/local_ports', localPorts],
  [
    'runner/logdir',
    without('the log goes to standard output, or to the file of --logfile', '', 'log', '/var/log/pushpin'),
  ],
  ['runner/log_level', logLevel],
  ['runner/client_buffer_size', to('server.max_header_bytes', (entry) => Math.max(1024, whole(entry, 1)))],
  ['runner/client_maxconn', to('server.max_connections', (entry) => whole(entry, 1))],
  ['runner/allow_compression', to('server.compression', boolean)],
  ['runner/mongrel2_bin', placed],
  ['runner/m2sh_bin', placed],
  ['runner/zurl_bin', placed],
  ['runner/condure_bin', placed],
  ['runner/connmgr_bin', placed],
  ['runner/proxy_bin', placed],
  ['runner/handler_bin', placed],

  ['proxy/workers', to('server.workers', (entry) => whole(entry, 1))],
  ['proxy/routesfile', routesFile],
  ['proxy/debug', to('proxy.debug', boolean)],
  ['proxy/auto_cross_origin', to('proxy.auto_cross_origin', boolean)],
  ['proxy/accept_x_forwarded_protocol', to('proxy.accept_x_forwarded_protocol', boolean)],
  ['proxy/set_x_forwarded_protocol', to('proxy.set_x_forwarded_protocol', scalar)],
  ['proxy/x_forwarded_for', to('proxy.x_forwarded_for', ({ values }) => values)],
  ['proxy/x_forwarded_for_trusted', to('proxy.x_forwarded_for_trusted', ({ values }) => values)],
  ['proxy/orig_headers_need_mark', without('copies of headers come from this hop only, so none needs a mark', '')],
  ['proxy/accept_pushpin_route', to('proxy.accept_pushpin_route', boolean)],
  ['proxy/cdn_loop', to('proxy.cdn_loop', scalar)],
  ['proxy/log_from', to('proxy.log_from', boolean)],
  ['proxy/log_user_agent', to('proxy.log_user_agent', boolean)],
  ['proxy/sig_iss', to('proxy.sig_iss', scalar)],
  ['proxy/sig_key', to('proxy.sig_key', scalar)],
  ['proxy/upstream_key', to('proxy.upstream_key', scalar)],
  ['proxy/sockjs_url', to('proxy.sockjs_url', scalar)],
  ['proxy/updates_check', placed],
  ['proxy/organization_name', placed],
  ['proxy/max_open_requests', without('client_maxconn bounds the requests', '-1')],
  ['proxy/prometheus_port', without('the metrics of the proxy are at /metrics of the control port', '')],
  ['proxy/prometheus_prefix', without('the metrics of the proxy are at /metrics of the control port', '')],
  ['proxy/stats_connections_max_ttl', to('stats.connections_max_ttl', (entry) => whole(entry, 1))],
  ['proxy/stats_report_interval', without('stats_report_interval of [handler] is for all', '10')],
  ...internal('proxy'),

  ['handler/ipc_file_mode', ipcFileMode],
  ['handler/push_in_spec', to('publish.pull', specs)],
  ['handler/push_in_sub_specs', to('publish.sub', specs)],
  ['handler/push_in_sub_spec', to('publish.sub', specs)],
  ['handler/push_in_sub_connect', to('publish.sub_connect', boolean)],
  ['handler/push_in_http_addr', pushAddress],
  ['handler/push_in_http_port', pushPort],
  ['handler/push_in_http_max_headers_size', to('control.max_header_bytes', (entry) => whole(entry, 1))],
  ['handler/push_in_http_max_body_size', to('control.max_body_bytes', (entry) => whole(entry, 1))],
  ['handler/stats_spec', to('stats.pub', specs)],
  ['handler/command_spec', to('publish.command', specs)],
  ['handler/state_spec', to('publish.state', specs)],
  ['handler/share_all', to('proxy.share_all', boolean)],
  ['handler/message_rate', to('hub.message_rate', unlessNegative)],
  ['handler/message_hwm', to('hub.message_hwm', unlessNegative)],
  ['handler/message_block_size', to('hub.message_block_size', unlessNegative)],
  ['handler/message_wait', to('hub.message_wait', (entry) => whole(entry, 0) / 1000)],
  ['handler/id_cache_ttl', to('hub.id_cache_ttl', (entry) => whole(entry, 0))],
  ['handler/update_on_first_subscription', to('hub.update_on_first_subscription', boolean)],
  ['handler/connection_subscription_max', to('hub.connection_subscription_max', (entry) => whole(entry, 1))],
  ['handler/subscription_linger', to('hub.subscription_linger', (entry) => whole(entry, 0))],
  ['handler/stats_subscription_ttl', to('stats.subscription_ttl', (entry) => whole(entry, 1))],
  ['handler/stats_report_interval', to('stats.report_interval', (entry) => whole(entry, 1))],
  ['handler/stats_format', to('stats.format', scalar)],
  ['handler/prometheus_port', prometheusPort],
  ['handler/prometheus_prefix', to('stats.prometheus_prefix', scalar)],
  ...internal('handler'),
]);

/** The endpoints between Pushpin's services, which its internal.conf sets. */
function internal(section: 'proxy' | 'handler'): [string, PushpinKey][] {
  const names = [
    ...['intreq_out_specs', 'intreq_out_stream_specs', 'intreq_in_specs', 'handler_inspect_spec'],
    ...['handler_accept_spec', 'handler_retry_in_spec', 'handler_ws_control_init_specs', 'inspect_spec'],
    ...['handler_ws_control_stream_specs', 'accept_spec', 'retry_out_specs', 'ws_control_init_specs', 'stats_spec'],
    ...['ws_control_stream_specs', 'proxy_stats_specs', 'proxy_command_spec', 'proxy_stats_spec', 'command_spec'],
    ...['retry_in_spec', 'retry_out_spec', 'ws_control_in_spec', 'ws_control_out_spec', 'handler_retry_in_specs'],
    ...['handler_ws_control_in_spec', 'handler_ws_control_out_spec', 'handler_inspect_specs', 'handler_accept_specs'],
    ...['ipc_file_mode', 'intreq_out_spec', 'intreq_out_stream_spec', 'intreq_in_spec', 'inspect_specs'],
    ...['accept_specs', 'ws_control_in_specs', 'ws_control_out_specs', 'proxy_accept_specs'],
  ];
  const connmgrNames = ['in', 'in_stream', 'out', 'client_out', 'client_out_stream', 'client_in'].flatMap((end) =>
    ['condure', 'connmgr'].flatMap((name) => [`${name}_${end}_specs`, `${name}_${end}_spec`]),
  );
  const own = section === 'handler' ? ['ipc_file_mode', 'stats_spec', 'command_spec'] : [];
  const others = names.filter((name) => !own.includes(name));
  return [
    ...[...connmgrNames, ...OLD_NAMES].map((name): [string, PushpinKey] => [`${section}/${name}`, ofConnmgr(name)]),
    ...others.map((name): [string, PushpinKey] => {
      // The file that sets them by default is read too, and means nothing by it: only those of the user's own file are worth a word.
      return [`${section}/${name}`, ({ line }) => (line === 0 ? null : INTERNAL)];
    }),
  ];
}

function services({ values }: IniEntry, settings: PushpinSettings): string | null {
  const started = new Set(
    values.map((name) => name.replace(/^pushpin-/, '').replace(/^(condure|mongrel2|m2adapter|zurl)$/, 'connmgr')),
  );
  const unknown = [...started].find((name) => !SERVICES.includes(name));
  if (unknown !== undefined) throw textError(`unknown service ${shown(unknown)}`);
  if (started.size === 0) throw textError('names no service: leave the key out to start all of them');
  if (started.has('proxy') !== started.has('handler')) {
    throw textError('proxy and handler are one here: start both, or none of them');
  }
  settings.services = started;
  return null;
}

/** Takes the endpoints of connmgr from the section of the proxy, by the newest of their names. */
function ofConnmgr(name: string): PushpinKey {
  const end = name
    .replace(/^(condure|connmgr|m2a)_/, '')
    .replace(/^zurl_/, 'client_')
    .replace(/_specs?$/, '');
  return ({ values, line, section }, settings) => {
    if (section === 'proxy') settings.specs.set(end, values);
    return line === 0 || settings.services.size < SERVICES.length ? null : INTERNAL;
  };
}

/** Puts the endpoints between services into the tables, where some of the services run elsewhere. */
function splitRoles(settings: PushpinSettings): void {
  const { server = {}, proxy = {}, edge = {}, fetch = {}, control = {}, publish = {}, stats = {} } = settings.tables;
  const base = settings.expand('ipc://{rundir}/{ipc_prefix}connmgr');
  if (settings.services.has('proxy')) {
    server.listen = [];
    server.zhttp = threes(settings, ['in', 'in_stream', 'out'], base);
    proxy.fetch = threes(settings, ['client_out', 'client_out_stream', 'client_in'], `${base}-client`);
    return;
  }
  const listen = (server.listen as string[]).map((address) => address.replace(/^unix:(.*)$/, localListener));
  Object.assign(edge, { id: 'connmgr', listen, zclient_stream: [base], zclient_req: [`${base}-req`] });
  if (server.tls_identities_dir !== undefined) edge.tls_identities_dir = server.tls_identities_dir;
  if (server.max_connections !== undefined) edge.stream_maxconn = server.max_connections;
  if (server.max_header_bytes !== undefined) edge.buffer_size = server.max_header_bytes;
  // The proxy says which targets are trusted; the others may not be internal.
  // Responses pass as they come, compressed or not.
  Object.assign(fetch, { id: 'connmgr', stream: [`${base}-client`], allow_ignore_policies: true, decompress: false });
  server.listen = [];
  control.listen = [];
  Object.assign(publish, { pull: [], sub: [], command: [] });
  Object.assign(stats, { pub: [], prometheus: [] });
}

/** The listen spec of a unix socket in Condure's notation. */
function localListener(_: string, socket: string): string {
  const [path = '', options = ''] = socket.split('?');
  return [path, 'local', ...options.split('&').filter((option) => option !== '')].join(',');
}

/** Endpoints that go together, three by three; by default those whose names begin with `base`. */
function threes(settings: PushpinSettings, ends: readonly string[], base: string): string[] {
  const lists = ends.map((end) => settings.specs.get(end) ?? []);
  const [first = [], second = [], third = []] = lists;
  if (lists.every(({ length }) => length === 0)) return [base];
  if (first.length !== second.length || first.length !== third.length) {
    throw textError(`the endpoints of connmgr come in threes: ${ends.map((end) => `connmgr_${end}_specs`).join(', ')}`);
  }
  return first.map((spec, index) =>
    [spec, second[index] ?? '', third[index] ?? ''].map((text) => settings.expand(text)).join(' '),
  );
}

function httpPorts({ values }: IniEntry, settings: PushpinSettings): null {
  settings.httpPorts = values;
  return null;
}

function httpsPorts({ values }: IniEntry, settings: PushpinSettings): null {
  settings.httpsPorts = values;
  return null;
}

/** `PATH?mode=OCTAL&user=USER&group=GROUP`. */
function localPorts({ values }: IniEntry, settings: PushpinSettings): null {
  settings.localPorts = values;
  return null;
}

function pushAddress(entry: IniEntry, settings: PushpinSettings): null {
  settings.pushAddress = scalar(entry) || settings.pushAddress;
  return null;
}

function pushPort(entry: IniEntry, settings: PushpinSettings): null {
  settings.pushPort = whole(entry, -1);
  return null;
}

/** `[addr:]port` or `ipc://PATH`. */
function prometheusPort(entry: IniEntry, settings: PushpinSettings): null {
  const address = settings.expand(scalar(entry)).replace(/^ipc:\/\//, 'unix:');
  if (address !== '') (settings.tables.stats as Record<string, unknown>).prometheus = [address];
  return null;
}

function logLevel({ values }: IniEntry, { tables }: PushpinSettings): string | null {
  const plain = values.filter((value) => !value.includes(':'));
  const level = plain.at(-1) ?? '2';
  if (!/^[0-9]+$/.test(level)) throw textError(`expected a whole number from 0, got ${shown(level)}`);
  (tables.log as Record<string, unknown>).level = LOG_LEVELS[Math.min(Number(level), 3)];
  return plain.length === values.length ? null : `${ONE_PROCESS}, with one level`;
}

function routesFile(entry: IniEntry, settings: PushpinSettings): null {
  settings.routesFile = settings.expand(scalar(entry));
  return null;
}

/** Endpoints of ZeroMQ. */
function specs({ values }: IniEntry): string[] {
  return [...values];
}

/** `tcp` endpoints are moved by `port_offset`. */
function movedSpec(spec: string, offset: number): string {
  return spec.replace(
    /^(tcp:\/\/.*:)([0-9]+)$/,
    (_, before: string, port: string) => `${before}${Number(port) + offset}`,
  );
}

/** The single value of a key; empty without one. A comma belongs to it. */
function scalar({ values }: IniEntry): string {
  return values.join(',');
}

function whole(entry: IniEntry, least: number): number {
  return wholeNumber(scalar(entry), least);
}

/** A number where -1, as well as nothing, means "no limit". */
function unlessNegative(entry: IniEntry): number {
  return scalar(entry) === '' ? 0 : Math.max(0, whole(entry, -1));
}

function boolean(entry: IniEntry): boolean {
  return truthValue(scalar(entry));
}
