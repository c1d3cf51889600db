import type { Command } from 'commander';
import { explainUrl } from '../app/index.ts';
import { type Config, formatConfig } from '../config/index.ts';
import { CliError, FAILURE, reasonOf, USAGE } from './cli-error.ts';
import { newCommand } from './command.ts';
import {
  addConfigOptions,
  type ConfigOptions,
  readAnyConfig,
  readConfig,
  withCommandLine,
  withoutRoutesFile,
} from './config-options.ts';
import { mongrel2s, reportIgnored } from './import.ts';
import { isMongrel2Config } from './mongrel2-config.ts';
import { readPushpinConfig } from './pushpin-config.ts';
import { readZurlConf } from './zurl-config.ts';

const NOTES = `
--url sends nothing to the URL. The rules of [fetch] judge its host. If they
allow the host, its name is looked up and they judge each address. The exit code
is 0 if a request would be allowed, else 1.

A file whose name ends in .conf is read as a pushpin.conf, with its routes file,
or as the mongrel2.conf of m2sh, as its content says. So is a config.sqlite.`;

/** Values of the options of `holdfast check`. */
interface CheckOptions extends ConfigOptions {
  readonly url?: string;
  readonly zurlConfig?: string;
  readonly server?: string;
}

/** `holdfast check`: reports the errors of a configuration, prints it with all defaults, or explains what its rules say of a URL. */
export function checkCommand(): Command {
  const command = newCommand(
    'check',
    'Check a configuration, and print it with all defaults.',
    'holdfast check --config holdfast.toml',
  );
  return addConfigOptions(command)
    .addHelpText('after', NOTES)
    .option('--zurl-config <file>', 'check this zurl.conf instead, and print it as [fetch] of holdfast.toml')
    .option('--server <name>', 'check only the server of a Mongrel2 site with this uuid, name or default host')
    .option('--url <url>', 'show whether an outbound request for this URL would be allowed, and by which rule')
    .action(check);
}

async function check({ url, zurlConfig, server, ...options }: CheckOptions): Promise<void> {
  const config = zurlConfig === undefined ? own(options, server, url !== undefined) : zurls(zurlConfig);
  const sourceOf = sources.get(config);
  try {
    if (url === undefined) process.stdout.write(formatConfig(config, { mask: true, ...(sourceOf && { sourceOf }) }));
    else await explain(config, url);
  } catch (error) {
    throw new CliError(reasonOf(error));
  }
}

/** The configuration in TOML. The policy of outbound requests needs no routes. */
function own(options: ConfigOptions, server: string | undefined, forUrl: boolean): Config {
  const { config: file = '', ...others } = options;
  if (/\.(?:conf|sqlite|db)$/.test(file) && isMongrel2Config(file))
    return withCommandLine(mongrel2s(file, server), others);
  if (server !== undefined) throw new CliError('--server is for configurations of Mongrel2', USAGE);
  return file.endsWith('.conf') ? pushpins(options) : tomls(options, forUrl);
}

function tomls(options: ConfigOptions, forUrl: boolean): Config {
  if (forUrl) return readAnyConfig(options).config;
  const { config, overlay, fromFile, fromRoutesFile } = readConfig(options);
  for (const name of Object.keys(overlay.overlay.keys)) console.error(`${overlay.file}: sets ${name}`);
  for (const name of Object.keys(overlay.overlay.certificates))
    console.error(`${overlay.file}: sets the certificate ${name}`);
  for (const [id, line] of Object.entries(overlay.overlay.routes))
    if (line === null) console.error(`${overlay.file}: leaves the route ${id} out`);
  // Printed with all routes, it must not name the file that some came from.
  const printed = withoutRoutesFile(config);
  const fromFiles = fromFile + fromRoutesFile;
  sources.set(printed, (index) => (index < fromFiles ? null : `the overlay ${overlay.file}`));
  return printed;
}

/** Where the routes of a configuration are from, unless it is its files. */
const sources = new WeakMap<Config, (index: number) => string | null>();

/** The configuration of a pushpin.conf. Ignored keys are reported on standard error. */
function pushpins(options: ConfigOptions): Config {
  const { config: file, route, ...others } = options;
  const read = readPushpinConfig({
    ...(file !== undefined && { config: file }),
    ...(route !== undefined && { route }),
  });
  reportIgnored(read);
  return withCommandLine(read.config, others);
}

/** The configuration of a zurl.conf. Ignored keys are reported on standard error. */
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
