import { readFileSync } from 'node:fs';
import { ConfigError, parseZurlConf, type ZurlConf } from '../config/index.ts';
import { CliError, FAILURE } from './cli-error.ts';

/** The file that is read if no other is named: Zurl's. */
export const DEFAULT_ZURL_CONF = '/etc/zurl.conf';

/**
 * Reads a zurl.conf.
 * @throws CliError for a file that cannot be read, or with all that is wrong in it
 */
export function readZurlConf(file: string): ZurlConf {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new CliError(`cannot read the configuration: ${(error as Error).message}`);
  }
  try {
    return parseZurlConf(text, file);
  } catch (error) {
    throw error instanceof ConfigError ? new CliError(error.message, FAILURE, '') : error;
  }
}
