import { ConfigError, parseZurlConf, type ZurlConf } from '../config/index.ts';
import { configFailure } from './cli-error.ts';
import { ConfigTexts } from './config-texts.ts';

/** The default file, as in Zurl. */
export const DEFAULT_ZURL_CONF = '/etc/zurl.conf';

/**
 * Reads a zurl.conf.
 * @throws CliError for an unreadable file, or for all errors in it
 */
export function readZurlConf(file: string, texts = new ConfigTexts()): ZurlConf {
  const text = texts.read(file, 'the configuration');
  try {
    return parseZurlConf(text, file);
  } catch (error) {
    throw error instanceof ConfigError ? configFailure(error) : error;
  }
}
