import type { Command } from 'commander';
import { examine, type Finding } from '../app/index.ts';
import { FAILURE } from './cli-error.ts';
import { newCommand } from './command.ts';
import { addConfigOptions, type ConfigOptions, readConfig } from './config-options.ts';

const NOTES = `
Nothing is changed. Each origin, ZeroMQ peer and service that the server asks
is connected to, and sent nothing. Run it as the user of the server, whose rights and limits it sees.

Exit codes: 0 if nothing fails, 1 if something does or the configuration is
invalid, 2 for wrong usage.`;

/** Colours of a terminal by the state of a finding. */
const COLOURS = { ok: '32', warn: '33', fail: '31' } as const;

/** Values of the options of `holdfast doctor`. */
interface DoctorOptions extends ConfigOptions {
  readonly json?: boolean;
}

/** `holdfast doctor`: examines an installation, and says what to do. */
export function doctorCommand(): Command {
  const command = newCommand(
    'doctor',
    'Examine this host and a configuration, and say what to do.',
    'holdfast doctor --config /etc/holdfast/holdfast.toml',
  );
  return addConfigOptions(command)
    .addHelpText('after', NOTES)
    .option('--json', 'print the findings as JSON')
    .action(doctor);
}

async function doctor({ json = false, ...options }: DoctorOptions): Promise<void> {
  const { file, config } = readConfig(options);
  const findings = await examine(config);
  const failed = count(findings, 'fail');
  if (failed > 0) process.exitCode = FAILURE;
  if (json) {
    process.stdout.write(`${JSON.stringify({ configuration: file, findings }, null, 2)}\n`);
    return;
  }
  const isColoured = process.stdout.isTTY && !process.env.NO_COLOR;
  const width = Math.max(...findings.map(({ check }) => check.length));
  const lines = findings.map((finding) => shown(finding, width, isColoured));
  const summary = `${count(findings, 'ok')} ok, ${plural(count(findings, 'warn'), 'warning')}, ${plural(failed, 'failure')}`;
  process.stdout.write(`${[...lines, '', summary].join('\n')}\n`);
}

function count(findings: readonly Finding[], wanted: Finding['status']): number {
  return findings.filter(({ status }) => status === wanted).length;
}

function plural(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`;
}

/** One line, and what to do on a second one. */
function shown({ check, subject, status, text, advice }: Finding, width: number, isColoured: boolean): string {
  const word = status.padEnd(4);
  const mark = isColoured ? `\x1b[${COLOURS[status]}m${word}\x1b[0m` : word;
  const line = `${mark}  ${check.padEnd(width)}  ${printable(`${subject}: ${text}`)}`;
  return advice === '' ? line : `${line}\n${' '.repeat(width + 8)}${printable(advice)}`;
}

/** Names of files and texts of others must not move the cursor. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '?');
}
