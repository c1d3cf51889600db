import { readFileSync } from 'node:fs';
import { ConfigError, parseZurlConf, type ZurlConf } from '../config/index.ts';
import { systemErrorText } from '../exchange/index.ts';
import { CliError, FAILURE } from './cli-error.ts';

/** The default file, as in Zurl. */
export const DEFAULT_ZURL_CONF = '/etc/zurl.conf';

/**
 * Reads a zurl.conf.
 * @throws CliError for an unreadable file, or for all errors in it
 */
export function readZurlConf(file: string): ZurlConf {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new CliError(`cannot read the configuration ${file}: ${systemErrorText(error)}`);
  }
  try {
    return parseZurlConf(text, file);
  } catch (error) {
    throw error instanceof ConfigError ? new CliError(error.message, FAILURE, '') : error;
  }
}
