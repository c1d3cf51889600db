import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type Config, defaultConfig, formatConfig } from '../config/index.ts';
import { systemErrorText } from '../exchange/index.ts';
import { CliError, reasonOf, USAGE } from './cli-error.ts';
import { newCommand } from './command.ts';
import { importMongrel2Config, isMongrel2Config } from './mongrel2-config.ts';
import { type PushpinConfig, readPushpinConfig } from './pushpin-config.ts';

/** The folder that needs no key. */
const DEFAULT_CERTIFICATES = defaultConfig().server.tlsIdentitiesDir;

const NOTES = `
Which program a file is for shows in its content. All servers of a Mongrel2 site
are converted, unless one is named. Names that Mongrel2 does not know are errors.`;

/** `holdfast import`: a configuration of Pushpin, with its routes file, or of Mongrel2 as a holdfast.toml. */
export function importCommand(): Command {
  return newCommand(
    'import',
    'Convert a configuration of Pushpin or Mongrel2 to a holdfast.toml.',
    'holdfast import /etc/pushpin/pushpin.conf --output holdfast.toml',
  )
    .addHelpText('after', NOTES)
    .argument('<file>', 'the pushpin.conf, the mongrel2.conf for m2sh, or the config.sqlite')
    .option('--server <name>', 'convert only the server of a Mongrel2 site with this uuid, name or default host')
    .option('-o, --output <file>', 'write to this file, which must not exist, instead of standard output')
    .action(convert);
}

/** Values of the options of `holdfast import`. */
interface ImportOptions {
  readonly output?: string;
  readonly server?: string;
}

function convert(file: string, { output, server }: ImportOptions): void {
  const text = textOf(isMongrel2Config(file) ? mongrel2s(file, server) : pushpins(file, server));
  if (output === undefined) {
    process.stdout.write(text);
    return;
  }
  try {
    // It may contain keys.
    writeFileSync(output, text, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    throw new CliError(`cannot write ${output}: ${systemErrorText(error)}`);
  }
}

/** The configuration of a Mongrel2 site. What has no effect, or no meaning, is reported. */
export function mongrel2s(file: string, server: string | undefined): Config {
  return importMongrel2Config(file, server === undefined ? 'all' : { named: server }).config;
}

function pushpins(file: string, server: string | undefined): Config {
  if (server !== undefined) throw new CliError('--server is for configurations of Mongrel2', USAGE);
  const read = readPushpinConfig({ config: file });
  reportIgnored(read);
  return imported(read);
}

function textOf(config: Config): string {
  try {
    return formatConfig(config, { short: true });
  } catch (error) {
    throw new CliError(reasonOf(error));
  }
}

/** The configuration for a file that may be in any folder. It names the routes file, which stays in force. */
function imported({ config, routesFile, ignored }: PushpinConfig): Config {
  const placed = { ...config, server: withCertificates(config.server), edge: withCertificates(config.edge) };
  if (routesFile === null) return placed;
  if (ignored.some(({ file }) => file === routesFile)) {
    console.error(
      `${routesFile}: "holdfast run" refuses a routes file with such lines, so the other routes are copied; to keep the file in force, correct it and import again`,
    );
    return placed;
  }
  return { ...placed, routes: [], proxy: { ...config.proxy, routesFile: resolve(routesFile) } };
}

function withCertificates<T extends { readonly tlsIdentitiesDir: string }>(section: T): T {
  const { tlsIdentitiesDir: folder } = section;
  return folder === DEFAULT_CERTIFICATES ? section : { ...section, tlsIdentitiesDir: resolve(folder) };
}

/** Writes what has no effect to standard error. */
export function reportIgnored({ ignored }: PushpinConfig): void {
  for (const { file, key, line, message } of ignored) {
    console.error([`${file}:${line ?? 0}`, key, `${message}, ignored`].filter((part) => part !== '').join(': '));
  }
}
