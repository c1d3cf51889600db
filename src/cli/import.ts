import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { type Config, defaultConfig, formatConfig } from '../config/index.ts';
import { systemErrorText } from '../exchange/index.ts';
import { CliError, reasonOf } from './cli-error.ts';
import { newCommand } from './command.ts';
import { type PushpinConfig, readPushpinConfig } from './pushpin-config.ts';

/** The folder that needs no key. */
const DEFAULT_CERTIFICATES = defaultConfig().server.tlsIdentitiesDir;

/** `holdfast import`: a pushpin.conf and its routes file as a holdfast.toml. */
export function importCommand(): Command {
  return newCommand(
    'import',
    "Convert Pushpin's configuration and routes file to a holdfast.toml.",
    'holdfast import /etc/pushpin/pushpin.conf --output holdfast.toml',
  )
    .argument('<file>', 'the pushpin.conf')
    .option('-o, --output <file>', 'write to this file, which must not exist, instead of standard output')
    .action(convert);
}

function convert(file: string, { output }: { readonly output?: string }): void {
  const read = readPushpinConfig({ config: file });
  reportIgnored(read);
  const text = textOf(imported(read));
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
