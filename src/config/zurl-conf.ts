import { randomUUID } from 'node:crypto';
import { ConfigError, type ConfigIssue, textError } from './config-error.ts';
import { type IniEntry, readIni } from './ini.ts';
import { truthValue, wholeNumber } from './ini-values.ts';
import { parseConfig } from './load-config.ts';
import { shown } from './plain-text.ts';
import type { Config } from './schema.ts';
import { suggestion } from './suggest.ts';
import { parseZmqEndpoint } from './zmq-endpoint.ts';

/** The result of reading a zurl.conf. */
export interface ZurlConf {
  /** A configuration in which only `[fetch]` has endpoints. */
  readonly config: Config;
  /** Keys and lines without meaning. They are ignored, as in Zurl. */
  readonly ignored: readonly ConfigIssue[];
}

/** The section of all keys. Keys above the first section belong to it too. */
const SECTION = 'General';

/** Size limit of a message in bytes, either way. Zurl has none, so this is far above the default of `[fetch]`. */
const MAX_MESSAGE_BYTES = 268_435_456;

/** Seconds for a connection to be made: more than the default of `[fetch]`. */
const CONNECT_TIMEOUT = 120;

/** Our names for keys that are called differently in zurl.conf. */
const FETCH_KEYS: Readonly<Record<string, string>> = {
  instance_id: 'id',
  in_req_spec: 'req',
  defpolicy: 'default_policy',
};

/** Parses the value of each key into the value that TOML would have. */
const READERS: Readonly<Record<string, (entry: IniEntry) => unknown>> = {
  instance_id: (entry) => scalar(entry) || randomUUID(),
  in_spec: endpoint,
  in_stream_spec: endpoint,
  out_spec: endpoint,
  in_req_spec: (entry) => list(endpoint(entry)),
  ipc_file_mode: (entry) => scalar(entry),
  defpolicy: (entry) => scalar(entry),
  allow: (entry) => entry.values,
  deny: (entry) => entry.values,
  allow_ipv6: boolean,
  max_open_requests: (entry) => (scalar(entry) === '-1' ? 0 : whole(entry, 1, '-1 for no limit, or ')),
  buffer_size: (entry) => whole(entry, 1),
  timeout: (entry) => whole(entry, 1),
  connection_max_time: (entry) => Math.max(0, whole(entry, Number.NEGATIVE_INFINITY)),
  in_hwm: (entry) => whole(entry, 0),
  out_hwm: (entry) => whole(entry, 0),
};

/**
 * Reads a zurl.conf. The last of repeated keys wins. `fileName` is used only in messages. Throws a `ConfigError` with every problem, in the
 * order of the lines.
 */
export function parseZurlConf(text: string, fileName: string): ZurlConf {
  const { entries, faults } = readIni(text);
  const ignored: ConfigIssue[] = faults.map(({ line, message }) => ({ key: '', line, message }));
  const known = new Map<string, IniEntry>();
  for (const entry of entries) {
    const isKey = (entry.section === SECTION || entry.section === '') && Object.hasOwn(READERS, entry.key);
    if (isKey) known.set(entry.key, entry);
    else ignored.push(unknownKey(entry));
  }
  const issues: ConfigIssue[] = [];
  const values = new Map<string, unknown>();
  for (const [key, entry] of known) {
    try {
      values.set(key, (READERS[key] as (entry: IniEntry) => unknown)(entry));
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      issues.push(...error.issues.map(({ message }) => ({ key, line: entry.line, message })));
    }
  }
  const problem = issues.length === 0 ? missingEndpoint(values) : null;
  if (problem !== null) issues.push({ key: '', line: null, message: problem });
  if (issues.length > 0) throw new ConfigError(fileName, issues.sort(byLine));
  return { config: configOf(values, known, fileName), ignored: ignored.sort(byLine) };
}

function configOf(
  values: ReadonlyMap<string, unknown>,
  known: ReadonlyMap<string, IniEntry>,
  fileName: string,
): Config {
  const fetch: Record<string, unknown> = {
    id: randomUUID(),
    allow_ipv6: false,
    max_open_requests: 0,
    connect_timeout: CONNECT_TIMEOUT,
    lenient_line_ends: true,
    max_body_bytes: MAX_MESSAGE_BYTES,
    // Leave room for the largest piece of a body that may be granted.
    max_packet_bytes: MAX_MESSAGE_BYTES + 65_536,
    // Only the file's own rules apply.
    allow_internal: true,
    allow_ignore_policies: true,
  };
  for (const [key, value] of values) {
    if (!/_spec$/.test(key) || key === 'in_req_spec') fetch[FETCH_KEYS[key] ?? key] = value;
  }
  const specs = [values.get('in_spec'), values.get('in_stream_spec'), values.get('out_spec')];
  if (specs[0] !== undefined && specs[0] !== '') fetch.stream = [specs.join(' ')];
  try {
    return parseConfig({ server: { listen: [] }, control: { listen: [] }, fetch });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const issues = error.issues.map((issue) => inZurlsWords(issue, known));
    throw new ConfigError(fileName, issues.sort(byLine));
  }
}

/** The issue with the key and line of zurl.conf instead of ours. */
function inZurlsWords({ key, message }: ConfigIssue, known: ReadonlyMap<string, IniEntry>): ConfigIssue {
  const [, name = '', index = ''] = /^fetch\.(\w+)(.*)$/.exec(key) ?? [];
  const own = Object.entries(FETCH_KEYS).find(([, ours]) => ours === name)?.[0] ?? name;
  return { key: own + index, line: known.get(own)?.line ?? null, message };
}

/** Which endpoints are missing; null if none are. */
function missingEndpoint(values: ReadonlyMap<string, unknown>): string | null {
  const given = (key: string) => values.get(key) !== undefined && values.get(key) !== '';
  const stream = ['in_spec', 'in_stream_spec', 'out_spec'];
  const missing = stream.filter((key) => !given(key));
  if (missing.length === 0) return null;
  if (missing.length < stream.length)
    return `${missing.join(' and ')}: missing: ${stream.join(', ')} must be set together`;
  const req = values.get('in_req_spec') as readonly string[] | undefined;
  if (req !== undefined && req.length > 0) return null;
  return `no endpoints: give ${stream.join(', ')}, or in_req_spec, or all of them`;
}

function unknownKey({ section, key, line }: IniEntry): ConfigIssue {
  const elsewhere = section !== SECTION && section !== '' && Object.hasOwn(READERS, key);
  const hint = elsewhere ? `; it belongs to [${SECTION}]` : suggestion(key, Object.keys(READERS));
  const name = section === '' || section === SECTION ? key : `${section}/${key}`;
  return { key: name, line, message: `unknown key${hint}` };
}

/** The single value of a key; empty without one. */
function scalar({ values }: IniEntry): string {
  if (values.length > 1)
    throw textError(`expected one value, got ${values.length}; quote a value that contains a comma`);
  return values[0] ?? '';
}

/** An endpoint, or empty for none. */
function endpoint(entry: IniEntry): string {
  const text = scalar(entry);
  if (text === '') return '';
  if (/\s/.test(text)) throw textError(`an endpoint must not contain white space, got ${shown(text)}`);
  return parseZmqEndpoint(text);
}

function list(text: string): string[] {
  return text === '' ? [] : [text];
}

function whole(entry: IniEntry, least: number, also = ''): number {
  return wholeNumber(scalar(entry), least, also);
}

function boolean(entry: IniEntry): boolean {
  return truthValue(scalar(entry));
}

function byLine(a: ConfigIssue, b: ConfigIssue): number {
  return (a.line ?? 0) - (b.line ?? 0);
}
