import type { Command } from 'commander';
import { checkRouting, explainUrl, fetchGuard } from '../app/index.ts';
import { type Config, formatConfig } from '../config/index.ts';
import { CliError, FAILURE, reasonOf } from './cli-error.ts';
import { newCommand } from './command.ts';
import { addConfigOptions, type ConfigOptions, readAnyConfig, readConfig } from './config-options.ts';
import { readZurlConf } from './zurl-config.ts';

const NOTES = `
With --url nothing is sent to that URL: its host is judged by the rules of
[fetch], and if they let it pass, its name is looked up and each address is
judged. The exit code is 0 if a request for it would be let through, else 1.`;

/** Values of the options of `holdfast check`. */
interface CheckOptions extends ConfigOptions {
  readonly url?: string;
  readonly zurlConfig?: string;
}

/** `holdfast check`: says what is wrong with a configuration, or what it comes to, or what it makes of a URL. */
export function checkCommand(): Command {
  const command = newCommand(
    'check',
    'Check a configuration, and print it with all defaults.',
    'holdfast check --config holdfast.toml',
  );
  return addConfigOptions(command)
    .addHelpText('after', NOTES)
    .option('--zurl-config <file>', 'check this zurl.conf instead, and print it as [fetch] of holdfast.toml')
    .option('--url <url>', 'say whether an outbound request for this URL would be let through, and by which rule')
    .action(check);
}

async function check({ url, zurlConfig, ...options }: CheckOptions): Promise<void> {
  const config = zurlConfig === undefined ? own(options, url !== undefined) : zurls(zurlConfig);
  try {
    if (url === undefined) process.stdout.write(formatConfig(config, { mask: true }));
    else await explain(config, url);
  } catch (error) {
    throw new CliError(reasonOf(error));
  }
}

/** Our own configuration. For the policy of outbound requests it needs no routes. */
function own(options: ConfigOptions, forUrl: boolean): Config {
  const { config } = forUrl ? readAnyConfig(options) : readConfig(options);
  try {
    checkRouting(config);
    fetchGuard(config.fetch);
  } catch (error) {
    throw new CliError(reasonOf(error));
  }
  return config;
}

/** What a zurl.conf comes to. What is ignored in it is told on standard error. */
function zurls(file: string): Config {
  const { config, ignored } = readZurlConf(file);
  for (const { key, line, message } of ignored) {
    console.error([`${file}:${line}`, key, `${message}, ignored`].filter((part) => part !== '').join(': '));
  }
  return config;
}

async function explain(config: Config, url: string): Promise<void> {
  const { allowed, lines } = await explainUrl(config.fetch, url);
  process.stdout.write(`${lines.join('\n')}\n`);
  if (!allowed) process.exitCode = FAILURE;
}
