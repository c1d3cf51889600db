import { parse, TomlError } from 'smol-toml';
import { ConfigError, type PathIssue, pathsError } from './config-error.ts';
import { schemaIssues } from './issues.ts';
import { keyLines } from './key-lines.ts';
import { type Config, configSchema } from './schema.ts';

/** Maximum nesting of lists and tables; the schema needs three. */
const MAX_DEPTH = 32;

/**
 * Reads a TOML configuration and fills in the defaults. `fileName` is used only in messages. Throws a `ConfigError` with every problem, in the
 * order of the lines.
 * @param check finds what is wrong beyond the schema, once that is satisfied
 */
export function loadConfig(
  text: string,
  fileName: string,
  check: (config: Config) => readonly PathIssue[] = () => [],
): Config {
  const result = configSchema.safeParse(parseToml(text, fileName));
  const issues = result.success ? check(result.data) : schemaIssues(result.error);
  if (result.success && issues.length === 0) return result.data;
  throw pathsError(issues, fileName, keyLines(text));
}

/**
 * The configuration that a file with these tables would give: keys as in TOML; absent or undefined means the default. Throws a `ConfigError`
 * with every problem, without lines.
 */
export function parseConfig(tables: Readonly<Record<string, unknown>>): Config {
  const result = configSchema.safeParse(tables);
  if (result.success) return result.data;
  throw pathsError(schemaIssues(result.error));
}

/** The configuration of an empty file: no routes, and the default of every key. */
export function defaultConfig(): Config {
  return configSchema.parse({});
}

function parseToml(text: string, fileName: string): unknown {
  try {
    return parse(text, { maxDepth: MAX_DEPTH });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The rest of the message is an excerpt of the file, which may contain secrets.
    const message = (error.message.split('\n')[0] ?? '').replace(/^Invalid TOML document: /, 'not valid TOML: ');
    throw new ConfigError(fileName, [{ key: '', line: error.line, message }]);
  }
}
