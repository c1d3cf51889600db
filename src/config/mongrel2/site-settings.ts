import { suggestion } from '../suggest.ts';
import type { SiteCell, SiteFields } from './site-rows.ts';

/** Settings with an effect, and the keys of `[edge.mongrel2.settings]` that have it. */
const NUMBERS: Readonly<Record<string, string>> = {
  'limits.content_length': 'content_length',
  'limits.header_count': 'header_count',
  'limits.handler_targets': 'handler_targets',
  'limits.tick_timer': 'tick_timer',
  'limits.min_ping': 'min_ping',
  'limits.min_read_rate': 'min_read_rate',
  'limits.min_write_rate': 'min_write_rate',
};

const SWITCHES: Readonly<Record<string, string>> = {
  'net.tcp_keepalive': 'tcp_keep_alive',
  'upload.stream': 'upload_stream',
  'download.flow_control': 'download_flow_control',
  no_clobber_xff: 'keep_forwarded_for',
  'request.relaxed': 'relaxed_requests',
};

/** Settings that are read elsewhere. */
const OTHERS = [
  ...['limits.buffer_size', 'limits.kill_limit', 'disable.access_logging', 'upload.temp_store'],
  ...['upload.temp_store_mode', 'control_port', 'certdir', 'ssl_ciphers', 'ssl.ca_chain'],
  ...['ssl.verify_optional', 'ssl.verify_required', 'server.daemonize'],
];

/** Settings of what is not here, and why. */
const NO_EFFECT: Readonly<Record<string, string>> = {
  'zeromq.threads': 'there are no threads for ZeroMQ',
  'limits.client_read_retries': 'a slow head has until the client is idle',
  'limits.connection_stack_size': 'connections have no stacks',
  'limits.fdtask_stack': 'there are no tasks',
  'limits.handler_stack': 'there are no tasks',
  'limits.host_name': 'a host of the configuration may have 255 characters',
  'limits.url_path': 'a path of the configuration may have 255 characters',
  'limits.dir_max_path': 'paths of any length are taken',
  'limits.dir_send_buffer': 'files have buffers of a fixed size',
  'limits.mime_ext_len': 'extensions of any length are taken',
  'limits.proxy_read_retries': 'a slow response has as much time as one of the proxy',
  'limits.proxy_read_retry_warn': 'a slow response has as much time as one of the proxy',
  'superpoll.max_fd': 'the open-file limit of the process counts',
  'superpoll.hot_dividend': 'there is no superpoll',
};

/** Bytes of a head that are always taken: Mongrel2's buffer has 4,096, which is too little for today's cookies. */
const LEAST_HEAD = 16_384;

/** A reader of cells that reports what it cannot read. */
export interface CellReader {
  /** The whole number that a cell holds; null without a cell, or if it is none, which is reported. */
  readonly number: (cell: SiteCell | undefined) => number | null;
  /** What has no effect. */
  readonly ignore: (cell: SiteCell, message: string) => void;
  /** A name that Mongrel2 does not know. */
  readonly unknown: (cell: SiteCell, message: string) => void;
  readonly problem: (cell: SiteCell, message: string) => void;
}

/** The keys of `[edge.mongrel2.settings]`, each with the cell that it comes from. */
export function settingsKeys(
  settings: SiteFields,
  reader: CellReader,
): Map<string, { value: unknown; cell: SiteCell }> {
  const keys = new Map<string, { value: unknown; cell: SiteCell }>();
  const put = (key: string, name: string, value: (cell: SiteCell) => unknown): void => {
    const cell = settings.get(name);
    const read = cell === undefined ? null : value(cell);
    if (cell !== undefined && read !== null) keys.set(key, { value: read, cell });
  };
  for (const [name, key] of Object.entries(NUMBERS)) put(key, name, reader.number);
  const isOn = (cell: SiteCell) => {
    const value = reader.number(cell);
    return value === null ? null : value !== 0;
  };
  for (const [name, key] of Object.entries(SWITCHES)) put(key, name, isOn);
  put('access_logging', 'disable.access_logging', (cell) => {
    const off = isOn(cell);
    return off === null ? null : !off;
  });
  put('kill_limit', 'limits.kill_limit', (cell) => {
    const limit = reader.number(cell);
    // There are three tests.
    return limit === null ? null : Math.min(limit, 3);
  });
  put('head_bytes', 'limits.buffer_size', (cell) => {
    const size = reader.number(cell);
    if (size !== null && size < LEAST_HEAD) reader.ignore(cell, `a head may have ${LEAST_HEAD} bytes anyway`);
    return size === null ? null : Math.max(size, LEAST_HEAD);
  });
  put('upload_temp_store', 'upload.temp_store', ({ text }) => text);
  put('upload_temp_store_mode', 'upload.temp_store_mode', (cell) => fileMode(cell, reader));
  noteOthers(settings, reader);
  return keys;
}

function noteOthers(settings: SiteFields, reader: CellReader): void {
  const known = [NUMBERS, SWITCHES, NO_EFFECT].flatMap((names) => Object.keys(names)).concat(OTHERS);
  for (const [name, cell] of settings) {
    const reason = NO_EFFECT[name];
    if (reason !== undefined) reader.ignore(cell, `has no effect: ${reason}`);
    else if (!known.includes(name)) reader.unknown(cell, `unknown setting${suggestion(name, known)}`);
  }
  const daemonize = settings.get('server.daemonize');
  if (daemonize !== undefined && reader.number(daemonize) !== 0) {
    reader.ignore(daemonize, 'has no effect: the server stays in the foreground');
  }
}

/** A mode as strtoul reads it: octal after a 0, hexadecimal after 0x, otherwise decimal. */
function fileMode(cell: SiteCell, reader: CellReader): string | null {
  const { text } = cell;
  const form = /^0[0-7]*$/.test(text) ? 8 : /^0x[0-9a-f]+$/i.test(text) ? 16 : 10;
  const mode = Number.parseInt(text, form);
  if (/^(?:0x[0-9a-f]+|[0-9]+)$/i.test(text) && mode <= 0o777) return `0${mode.toString(8)}`;
  reader.problem(cell, `expected permissions such as 0600, got ${JSON.stringify(text)}`);
  return null;
}
