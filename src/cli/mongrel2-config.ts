import { readFileSync } from 'node:fs';
import { checkRouting } from '../app/index.ts';
import {
  ConfigError,
  type ConfigIssue,
  databaseSite,
  issueText,
  type Mongrel2Conf,
  parseMongrel2Conf,
  readSite,
  type ServerChoice,
} from '../config/index.ts';
import { systemErrorText } from '../exchange/index.ts';
import { mediaTypeOf } from '../files/index.ts';
import { CliError, FAILURE } from './cli-error.ts';
import { readSqliteTables } from './sqlite-tables.ts';

/** What a database of SQLite begins with. */
const SQLITE_HEADER = 'SQLite format 3\0';

/** Whether the content of a file is a configuration of Mongrel2: a database, or text whose first line that means something is no section. */
export function isMongrel2Config(file: string): boolean {
  const content = readContent(file);
  if (content.startsWith(SQLITE_HEADER)) return true;
  const [first = ''] = /^(?!\s*(?:[#;].*)?$).*/m.exec(content) ?? [];
  return first !== '' && !first.trimStart().startsWith('[');
}

/**
 * Reads a mongrel2.conf, which is text in the language of m2sh, or a config.sqlite.
 * @throws CliError for an unreadable file, or for all errors in it
 */
export function readMongrel2Config(file: string, choice: ServerChoice): Mongrel2Conf {
  const content = readContent(file);
  try {
    if (!content.startsWith(SQLITE_HEADER)) return parseMongrel2Conf(content, file, choice, checkRouting);
    return withoutWellKnown(readSite(databaseSite(readSqliteTables(file)), file, choice, checkRouting));
  } catch (error) {
    throw error instanceof ConfigError ? new CliError(error.message, FAILURE, '') : error;
  }
}

/**
 * As `readMongrel2Config`, where names that Mongrel2 does not know are errors. What has no effect is reported on standard error.
 * @throws CliError
 */
export function importMongrel2Config(file: string, choice: ServerChoice): Mongrel2Conf {
  const conf = readMongrel2Config(file, choice);
  const text = (issue: ConfigIssue) => issueText(file, issue);
  for (const issue of conf.ignored) console.error(`${text(issue)}, ignored`);
  if (conf.unknown.length > 0) throw new CliError(conf.unknown.map(text).join('\n'), FAILURE, '');
  return conf;
}

/** The database has a row for each of some 850 media types. Only those that say something else matter. */
function withoutWellKnown(conf: Mongrel2Conf): Mongrel2Conf {
  const { config } = conf;
  const mongrel2 = config.edge.mongrel2.map((server) => {
    const own = Object.entries(server.mimeTypes).filter(([extension, type]) => mediaTypeOf(extension, {}, '') !== type);
    return { ...server, mimeTypes: Object.fromEntries(own) };
  });
  return { ...conf, config: { ...config, edge: { ...config.edge, mongrel2 } } };
}

function readContent(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CliError(`cannot read the configuration ${file}: ${systemErrorText(error)}`);
  }
}
