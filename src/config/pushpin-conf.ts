import { dirname, join } from 'node:path';
import { ConfigError, type ConfigIssue } from './config-error.ts';
import { type IniEntry, readIni } from './ini.ts';
import { parseConfig } from './load-config.ts';
import { PUSHPIN_KEYS, type PushpinSettings, pushpinDefaults } from './pushpin-keys.ts';
import type { Config } from './schema.ts';
import { suggestion } from './suggest.ts';

/** What the command line says besides the file. */
export interface PushpinOptions {
  /** Value of `--id`: instances with different ids run side by side. */
  readonly id?: number;
  /** Value of `--port`, which takes the place of all addresses of connmgr where that runs without the other services. */
  readonly port?: string;
  /** Reads a file that the configuration includes; null if there is none. */
  readonly readInclude: (path: string) => string | null;
}

/** The result of reading a pushpin.conf. */
export interface PushpinConf {
  /** The configuration without routes. */
  readonly config: Config;
  /** Whether some of Pushpin's services run elsewhere. */
  readonly isSplit: boolean;
  /** Path of the routes file, relative to the folder of the pushpin.conf. */
  readonly routesFile: string;
  /** Folder for socket files. */
  readonly rundir: string;
  /** Keys and lines that have no effect here, each with the reason. */
  readonly ignored: readonly ConfigIssue[];
  /** The issue with the key of the file that it is about, and its line, if it is about a key that the file sets. */
  readonly located: (issue: ConfigIssue) => ConfigIssue;
}

/** Ports between two instances that `--id` numbers. */
const PORTS_OF_AN_INSTANCE = 10;

/**
 * Reads a pushpin.conf. The last of repeated keys wins, and keys of an included file count where the file has none. `fileName` is used in
 * messages, and certificates are in a folder beside it. Throws a `ConfigError` with every problem, in the order of the lines.
 */
export function parsePushpinConf(text: string, fileName: string, options: PushpinOptions): PushpinConf {
  const own = readIni(text);
  const ignored: ConfigIssue[] = own.faults.map(({ line, message }) => ({ key: '', line, message }));
  const settings = pushpinDefaults();
  const found = entriesOf(own.entries, ignored);
  // These say what others mean by their placeholders.
  for (const key of ['libdir', 'rundir', 'ipc_prefix', 'port_offset']) settings.place(found.get(`global/${key}`), key);
  // Older files have it here.
  settings.place(found.get('runner/rundir'), 'rundir');
  if (options.id !== undefined) {
    settings.ipcPrefix = `p${options.id}-`;
    settings.portOffset = options.id * PORTS_OF_AN_INSTANCE;
  }
  const included = options.readInclude(
    settings.expand(found.get('global/include')?.values[0] ?? '{libdir}/internal.conf'),
  );
  if (included !== null) {
    for (const [name, entry] of entriesOf(readIni(included).entries, [])) {
      if (!found.has(name)) found.set(name, { ...entry, line: 0 });
    }
  }
  const issues: ConfigIssue[] = [];
  // Which services are started decides what the endpoints between them mean.
  const services = found.get('runner/services');
  const entries = [...(services === undefined ? [] : [['runner/services', services] as const]), ...found];
  for (const [name, entry] of new Map(entries)) {
    try {
      const reason = PUSHPIN_KEYS.get(name)?.(entry, settings) ?? null;
      if (reason !== null) ignored.push({ key: name, line: entry.line, message: reason });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      issues.push(...error.issues.map(({ message }) => ({ key: name, line: entry.line, message })));
    }
  }
  if (issues.length > 0) throw new ConfigError(fileName, issues.sort(byLine));
  settings.certs = join(dirname(fileName), 'runner/certs');
  const isSplit = settings.services.size < 3;
  if (isSplit && options.port !== undefined) {
    Object.assign(settings, { httpPorts: [options.port], httpsPorts: [], localPorts: [] });
  }
  settings.finish();
  const { routesFile, rundir } = settings;
  const located = (issue: ConfigIssue): ConfigIssue => {
    const key = settings.sources.get(issue.key) ?? settings.sources.get(issue.key.replace(/\[.*/, ''));
    // Keys of an included file have no line.
    return key === undefined ? issue : { ...issue, key, line: found.get(key)?.line || null };
  };
  const config = configOf(settings, fileName, located);
  return { config, isSplit, routesFile, rundir, ignored: ignored.sort(byLine), located };
}

/** The entries that have a meaning, by section and key. The others are added to `ignored`. */
function entriesOf(entries: readonly IniEntry[], ignored: ConfigIssue[]): Map<string, IniEntry> {
  const found = new Map<string, IniEntry>();
  for (const entry of entries) {
    const name = `${entry.section}/${entry.key}`;
    if (PUSHPIN_KEYS.has(name)) found.set(name, entry);
    else ignored.push({ key: name, line: entry.line, message: unknownKey(entry) });
  }
  return found;
}

function unknownKey({ section, key }: IniEntry): string {
  const names = [...PUSHPIN_KEYS.keys()];
  const elsewhere = names.find((name) => name.endsWith(`/${key}`));
  if (elsewhere !== undefined) return `unknown key; it belongs to [${elsewhere.slice(0, elsewhere.indexOf('/'))}]`;
  const own = names.filter((name) => name.startsWith(`${section}/`)).map((name) => name.slice(section.length + 1));
  return `unknown key${suggestion(key, own)}`;
}

/** Values that fit their keys in pushpin.conf may still be beyond the bounds of ours: the message names our key. */
function configOf(settings: PushpinSettings, fileName: string, located: PushpinConf['located']): Config {
  try {
    return parseConfig(settings.tables);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(fileName, error.issues.map(located).sort(byLine));
  }
}

function byLine(a: ConfigIssue, b: ConfigIssue): number {
  return (a.line ?? 0) - (b.line ?? 0);
}
