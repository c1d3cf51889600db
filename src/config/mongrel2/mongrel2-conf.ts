import { ConfigError, type ConfigIssue, type PathIssue } from '../config-error.ts';
import { schemaIssues } from '../issues.ts';
import { LOG_LEVELS } from '../log-level.ts';
import { shown } from '../plain-text.ts';
import { type Config, configSchema } from '../schema.ts';
import { parseM2sh } from './m2sh-parser.ts';
import { M2shError } from './m2sh-place.ts';
import { M2shRows } from './m2sh-rows.ts';
import { ServerTables } from './server-tables.ts';
import type { ServerRow, SiteRows } from './site-rows.ts';

/** A configuration of Mongrel2. */
export interface Mongrel2Conf {
  /** A configuration with the servers, and nothing else. */
  readonly config: Config;
  /** What Mongrel2 knows and has no effect here. */
  readonly ignored: readonly ConfigIssue[];
  /** Names that Mongrel2 does not know, most likely mistakes. It ignores them silently. */
  readonly unknown: readonly ConfigIssue[];
}

/** Which servers of a configuration count: the one with this uuid, name or default host; all of them; or the only one. */
export type ServerChoice = { readonly named: string } | 'all' | 'only';

/** Finds what is wrong beyond the schema, once that is satisfied. */
export type SiteCheck = (config: Config) => readonly PathIssue[];

/** What an m2sh configuration says. */
export interface M2shSite {
  readonly rows: SiteRows;
  readonly issues: readonly ConfigIssue[];
  readonly unknown: readonly ConfigIssue[];
}

/**
 * Reads the m2sh configuration language. `fileName` is used only in messages.
 * @param check as `SiteCheck`
 * @throws ConfigError with every problem in the order of the lines, or with the first one of the syntax
 */
export function parseMongrel2Conf(
  text: string,
  fileName: string,
  choice: ServerChoice,
  check?: SiteCheck,
): Mongrel2Conf {
  const reader = new M2shRows();
  try {
    const rows = reader.read(parseM2sh(text));
    return readSite({ rows, issues: reader.issues, unknown: reader.unknown }, fileName, choice, check);
  } catch (error) {
    if (!(error instanceof M2shError)) throw error;
    throw new ConfigError(fileName, [{ key: '', ...error.place, message: error.message }]);
  }
}

/**
 * The configuration of a site.
 * @throws ConfigError as `parseMongrel2Conf`
 */
export function readSite(
  { rows, issues, unknown }: M2shSite,
  fileName: string,
  choice: ServerChoice,
  check: SiteCheck = () => [],
): Mongrel2Conf {
  if (issues.length > 0) throw new ConfigError(fileName, [...issues].sort(inOrder));
  const chosen = choose(rows.servers, fileName, choice);
  const tables = new ServerTables(rows);
  const mongrel2 = chosen.map((server) => tables.table(server));
  const level = tables.logLevel(chosen);
  const found = [...tables.issues];
  const result = configSchema.safeParse({
    server: { listen: [] },
    edge: { mongrel2 },
    log: { level: LOG_LEVELS[Math.min(level, LOG_LEVELS.length - 1)] },
  });
  const wrong = result.success ? check(result.data) : schemaIssues(result.error);
  found.push(...wrong.map((issue) => tables.located(issue)));
  if (found.length > 0 || !result.success) throw new ConfigError(fileName, found.sort(inOrder));
  return {
    config: result.data,
    ignored: [...tables.ignored].sort(inOrder),
    unknown: [...unknown, ...tables.unknown].sort(inOrder),
  };
}

function choose(servers: readonly ServerRow[], fileName: string, choice: ServerChoice): readonly ServerRow[] {
  const refuse = (message: string) => new ConfigError(fileName, [{ key: 'servers', line: null, message }]);
  if (servers.length === 0) throw refuse('there is no server');
  if (choice === 'all' || (choice === 'only' && servers.length === 1)) return servers;
  const all = servers.map((server) => [text(server, 'uuid'), text(server, 'name')].filter(Boolean).join(' '));
  if (choice === 'only')
    throw refuse(`there are several servers, name one of them by its uuid or name: ${all.join(', ')}`);
  // Any of them may have the name of another one's host.
  for (const column of ['uuid', 'name', 'default_host']) {
    const found = servers.filter((server) => text(server, column) === choice.named);
    if (found.length === 1) return found;
    if (found.length > 1) throw refuse(`several servers have the ${column} ${shown(choice.named)}: use the uuid`);
  }
  throw refuse(`there is no server ${shown(choice.named)}, only ${all.join(', ')}`);
}

function text({ fields }: ServerRow, column: string): string {
  return fields.get(column)?.text ?? '';
}

function inOrder(a: ConfigIssue, b: ConfigIssue): number {
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}
