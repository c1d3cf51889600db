import { isDeepStrictEqual } from 'node:util';
import { type ConfigIssue, keyName, type PathIssue } from '../config-error.ts';
import { formatHostPort } from '../host-port.ts';
import { shown } from '../plain-text.ts';
import { suggestion } from '../suggest.ts';
import { opensslCipher } from './cipher-names.ts';
import type {
  HostRow,
  RouteRow,
  ServerRow,
  SiteCell,
  SiteFields,
  SitePlace,
  SiteRows,
  TargetRow,
} from './site-rows.ts';
import { type CellReader, settingsKeys } from './site-settings.ts';

type Table = Record<string, unknown>;

/** Where the control port of a server without one is. */
const CONTROL_PORT = 'ipc://run/control';

/** Columns of a server that are called the same in TOML, or as here. */
const SERVER_KEYS = {
  uuid: 'uuid',
  name: 'name',
  chroot: 'root',
  access_log: 'access_log',
  error_log: 'error_log',
  pid_file: 'pid_file',
} as const;

const HANDLER_KEYS = ['send_spec', 'send_ident', 'recv_spec', 'recv_ident', 'protocol'];
const DIR_KEYS = { base: 'dir', index_file: 'index_file', default_ctype: 'default_type' } as const;

/** Mongrel2's own default. */
const LOG_LEVEL = 2;

/** Where the number of the server is in a path such as `['edge', 'mongrel2', 0, 'listen']`. */
const SERVER_INDEX = 2;

/** The tables of holdfast.toml that the rows of Mongrel2 stand for. */
export class ServerTables {
  readonly issues: ConfigIssue[] = [];
  readonly ignored: ConfigIssue[] = [];
  readonly unknown: ConfigIssue[] = [];
  /** Where the values of the tables come from, by the JSON of their path. */
  readonly #places = new Map<string, SitePlace>();
  readonly #settings: SiteFields;
  readonly #mimeTypes: Table;
  #count = 0;
  /** What all servers share is reported once. */
  readonly #settingsTable: Map<string, { value: unknown; cell: SiteCell }>;
  readonly #reader: CellReader = {
    number: (cell) => this.#number(cell),
    ignore: (cell, message) => this.ignored.push({ ...cell.place, message }),
    unknown: (cell, message) => this.unknown.push({ ...cell.place, message }),
    problem: (cell, message) => this.#problem(cell.place, message),
  };

  constructor({ settings, mimeTypes }: SiteRows) {
    this.#settings = settings;
    this.#settingsTable = settingsKeys(settings, this.#reader);
    this.#mimeTypes = Object.fromEntries(
      [...mimeTypes].map(([extension, { text }]) => [extension.startsWith('.') ? extension : `.${extension}`, text]),
    );
  }

  /** The `[[edge.mongrel2]]` table of a server. */
  table({ place, fields, hosts, plugIns }: ServerRow): Table {
    const path = ['edge', 'mongrel2', this.#count++];
    this.#note(path, place);
    for (const plugIn of plugIns) {
      const name = plugIn.text === '' ? '' : ` ${shown(plugIn.text)}`;
      this.#problem(plugIn.place, `plug-ins for Mongrel2${name} cannot be loaded: remove it`);
    }
    const handlers = new Handlers();
    const host = hosts.map((row, index) => this.#host(row, [...path, 'host', index], handlers));
    for (const [name, row] of handlers.named) this.#noteColumns([...path, 'handler', name], row, HANDLER_KEYS);
    const settings = [...this.#settingsTable].map(([key, { value, cell }]) => {
      this.#note([...path, 'settings', key], cell.place);
      return [key, value];
    });
    return {
      ...this.#renamed(path, fields, SERVER_KEYS),
      listen: this.#listen(path, place, fields),
      default_host: this.#defaultHost(fields.get('default_host'), hosts),
      control_port: this.#controlPort(path, place, fields),
      mime_types: this.#mimeTypes,
      settings: Object.fromEntries(settings),
      tls: this.#number(fields.get('use_ssl')) ? this.#tls(path, place) : null,
      handler: Object.fromEntries([...handlers.named].map(([name, row]) => [name, this.#handler(row)])),
      host,
    };
  }

  /** The number of the log level of some servers: the one that says most. */
  logLevel(servers: readonly ServerRow[]): number {
    return Math.max(...servers.map(({ fields }) => this.#number(fields.get('error_log_level')) ?? LOG_LEVEL));
  }

  /** An issue of the tables, at what it comes from. */
  located({ path, other, message }: PathIssue): ConfigIssue {
    const place = this.#located(path);
    return { ...place, message: other === undefined ? message : this.#aboutTwo(path, other, message) };
  }

  /** Names the other key as the file does. Mongrel2 runs one server at a time, so that several may listen on the same address. */
  #aboutTwo(path: readonly PropertyKey[], other: readonly PropertyKey[], message: string): string {
    const { key, line } = this.#located(other);
    const place = line === null ? key : `${key} in line ${line}`;
    const ofTwoServers = path[SERVER_INDEX] !== other[SERVER_INDEX];
    return message.replace(keyName(other), () => place) + (ofTwoServers ? ', or name one server' : '');
  }

  #located(path: readonly PropertyKey[]): Omit<ConfigIssue, 'message'> {
    for (let length = path.length; length > 0; length--) {
      const place = this.#places.get(JSON.stringify(path.slice(0, length)));
      if (place === undefined) continue;
      const rest = path.slice(length).map(String);
      return { ...place, key: [place.key, ...rest].join('.') };
    }
    return { key: '', line: null };
  }

  #listen(path: PropertyKey[], place: SitePlace, fields: SiteFields): string {
    const cell = fields.get('port');
    const port = this.#number(cell);
    this.#note([...path, 'listen'], (fields.get('bind_addr') ?? cell)?.place ?? place);
    if (cell === undefined) this.#problem({ ...place, key: `${place.key}.port` }, 'missing: expected a port');
    else if (port !== null && port > 65_535) this.#problem(cell.place, `expected a port, got ${port}`);
    const host = fields.get('bind_addr')?.text || '0.0.0.0';
    return formatHostPort({ host, port: Math.min(port ?? 0, 65_535) });
  }

  /** Mongrel2 runs without the host that it does not find. */
  #defaultHost(cell: SiteCell | undefined, hosts: readonly HostRow[]): string {
    const name = cell?.text ?? '';
    const names = hosts.map(({ fields }) => fields.get('name')?.text ?? '');
    if (cell === undefined || name === '' || names.includes(name)) return name;
    this.unknown.push({ ...cell.place, message: `no host ${shown(name)}${suggestion(name, names)}` });
    return '';
  }

  #controlPort(path: PropertyKey[], place: SitePlace, fields: SiteFields): string {
    const own = fields.get('control_port');
    if (own !== undefined && own.text !== '') {
      this.#note([...path, 'control_port'], own.place);
      return own.text;
    }
    const shared = this.#settings.get('control_port');
    const spec = shared?.text || CONTROL_PORT;
    if (shared !== undefined) this.#note([...path, 'control_port'], shared.place);
    if (this.#count === 1) return spec;
    this.ignored.push({ ...place, message: `has no control port: the first server has ${spec}` });
    return '';
  }

  #tls(path: PropertyKey[], place: SitePlace): Table {
    const certdir = this.#settings.get('certdir');
    const ca = this.#settings.get('ssl.ca_chain');
    const optional = this.#settings.get('ssl.verify_optional');
    const required = this.#settings.get('ssl.verify_required');
    const isRequired = this.#number(required) ? required : undefined;
    const asking = isRequired ?? (this.#number(optional) ? optional : undefined);
    if (certdir === undefined) this.#problem({ ...place, key: `${place.key}.use_ssl` }, 'needs the setting certdir');
    else this.#note([...path, 'tls', 'certdir'], certdir.place);
    if (asking !== undefined && ca === undefined) this.#problem(asking.place, 'needs the setting ssl.ca_chain');
    if (asking === undefined && ca !== undefined)
      this.#reader.ignore(ca, 'has no effect: without ssl.verify_optional or ssl.verify_required no client is asked');
    return {
      certdir: certdir?.text ?? '.',
      ciphers: this.#ciphers(),
      client_ca: asking === undefined ? '' : (ca?.text ?? '.'),
      client_required: isRequired !== undefined,
    };
  }

  #ciphers(): string {
    const cell = this.#settings.get('ssl_ciphers');
    const names = (cell?.text ?? '').split(/\s+/).filter((name) => name !== '');
    return names
      .flatMap((name) => {
        const openssl = opensslCipher(name);
        if (openssl === null)
          this.#problem((cell as SiteCell).place, `there is no cipher like ${shown(name)} in OpenSSL`);
        return openssl ?? [];
      })
      .join(':');
  }

  #host({ place, fields, routes }: HostRow, path: PropertyKey[], handlers: Handlers): Table {
    this.#note(path, place);
    const maintenance = fields.get('maintenance');
    if (this.#number(maintenance)) this.#reader.ignore(maintenance as SiteCell, 'has no effect, as in Mongrel2');
    return {
      ...this.#renamed(path, fields, { name: 'name', matching: 'matching' }),
      route: routes.map((row, index) => this.#route(row, [...path, 'route', index], handlers)),
    };
  }

  #route({ path: cell, target }: RouteRow, path: PropertyKey[], handlers: Handlers): Table {
    this.#note(path, cell.place);
    this.#note([...path, 'path'], cell.place);
    const route = { path: cell.text };
    if (target.kind === 'handler') return { ...route, handler: handlers.nameOf(target) };
    return { ...route, ...(target.kind === 'proxy' ? this.#proxy(path, target) : this.#dir(path, target)) };
  }

  #handler({ fields }: TargetRow): Table {
    const columns = HANDLER_KEYS.flatMap((key) => (fields.has(key) ? [[key, fields.get(key)?.text]] : []));
    return { ...Object.fromEntries(columns), raw_payload: Boolean(this.#number(fields.get('raw_payload'))) };
  }

  #proxy(path: PropertyKey[], { place, fields }: TargetRow): Table {
    const [addr, port] = [fields.get('addr'), this.#number(fields.get('port'))];
    this.#note([...path, 'proxy'], addr?.place ?? place);
    for (const key of ['addr', 'port']) {
      if (!fields.has(key)) this.#problem({ ...place, key: `${place.key}.${key}` }, 'is missing');
    }
    return { proxy: formatHostPort({ host: addr?.text || 'localhost', port: port ?? 80 }) };
  }

  #dir(path: PropertyKey[], { place, fields }: TargetRow): Table {
    if (!fields.get('base')?.text) this.#problem({ ...place, key: `${place.key}.base` }, 'is missing');
    const ttl = fields.get('cache_ttl');
    if (ttl !== undefined) this.#note([...path, 'cache_ttl'], ttl.place);
    const keys = this.#renamed(path, fields, DIR_KEYS);
    return { index_file: '', ...keys, dir: keys.dir || '.', cache_ttl: this.#number(ttl) ?? 0 };
  }

  /** The keys for some columns, where they are set. */
  #renamed(path: PropertyKey[], fields: SiteFields, keys: Readonly<Record<string, string>>): Table {
    const table: Table = {};
    for (const [column, key] of Object.entries(keys)) {
      const cell = fields.get(column);
      if (cell === undefined) continue;
      table[key] = cell.text;
      this.#note([...path, key], cell.place);
    }
    return table;
  }

  #noteColumns(path: PropertyKey[], { place, fields }: TargetRow, columns: readonly string[]): void {
    this.#note(path, place);
    for (const column of columns) {
      const cell = fields.get(column);
      if (cell !== undefined) this.#note([...path, column], cell.place);
    }
  }

  #number(cell: SiteCell | undefined): number | null {
    if (cell === undefined || cell.text === '') return null;
    if (/^[0-9]{1,15}$/.test(cell.text)) return Number(cell.text);
    this.#problem(cell.place, `expected a whole number, got ${shown(cell.text)}`);
    return null;
  }

  /** What several servers refer to is reported once. */
  #problem(place: SitePlace, message: string): void {
    const issue = { ...place, message };
    if (!this.issues.some((known) => isDeepStrictEqual(known, issue))) this.issues.push(issue);
  }

  #note(path: readonly PropertyKey[], place: SitePlace): void {
    this.#places.set(JSON.stringify(path), place);
  }
}

/** The handlers of a server by name. Those with the same values are one: two could not be bound. */
class Handlers {
  readonly named = new Map<string, TargetRow>();
  readonly #names = new Map<string, string>();

  nameOf(row: TargetRow): string {
    const values = JSON.stringify([...row.fields].map(([key, { text }]) => [key, text]).sort());
    const known = this.#names.get(values);
    if (known !== undefined) return known;
    let name = row.name ?? `handler${this.named.size + 1}`;
    for (let number = 2; this.named.has(name); number++) name = `${row.name ?? 'handler'}${number}`;
    this.#names.set(values, name);
    this.named.set(name, row);
    return name;
  }
}
