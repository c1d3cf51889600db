import { type Config, ConfigError, parseConfig } from '../config/index.ts';
import { CliError } from './cli-error.ts';

/** Id of the edge, if none is given: Condure's. */
export const DEFAULT_ID = 'condure';

/** Where clients connect, if nothing else is given: Condure's default. */
export const DEFAULT_LISTEN = '0.0.0.0:8000,stream';

/** What the command line of `holdfast condure` says of the configuration. What is absent has its default. */
export interface CondureSettings {
  readonly logLevel?: Config['log']['level'];
  readonly drainTimeout?: number | string;
  /** All others are those of `[edge]`, with keys in camelCase and values as in TOML. */
  readonly [option: string]: unknown;
}

/**
 * The configuration in which only the edge runs.
 * @throws CliError with exit code 1, as Condure has it, that names each option with a wrong value
 */
export function condureConfig({ logLevel, drainTimeout, ...options }: CondureSettings): Config {
  const edge: Record<string, unknown> = { id: DEFAULT_ID, listen: [DEFAULT_LISTEN] };
  for (const [option, value] of Object.entries(options)) edge[keyOf(option)] = value;
  try {
    return parseConfig({
      server: { listen: [], drain_timeout: drainTimeout },
      control: { listen: [] },
      log: { level: logLevel },
      edge,
    });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const lines = error.issues.map(({ key, message }) => `${optionOf(key, edge)}: ${message}`);
    throw new CliError(lines.join('\n'));
  }
}

/** `reqMaxconn` is `req_maxconn` in TOML. */
function keyOf(option: string): string {
  return option.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** `edge.req_maxconn` is `--req-maxconn`, and `edge.listen[1]` the second `--listen`. */
function optionOf(key: string, edge: Readonly<Record<string, unknown>>): string {
  const [, name = '', index = ''] = /^\w+\.(\w+)(.*)$/.exec(key) ?? [];
  const values = edge[name];
  const isOnly = Array.isArray(values) && values.length === 1;
  return `--${name.replaceAll('_', '-')}${isOnly ? '' : index}`;
}
