import type { Command } from 'commander';
import type { ReloadErrors, Reloaded } from '../control/index.ts';
import { CliError, FAILURE } from './cli-error.ts';
import { newCommand } from './command.ts';
import { ControlClient } from './control-client.ts';
import { addControlOptions, type ControlOptions, controlTarget } from './control-target.ts';
import { painter, safeText, screenOf } from './terminal.ts';

/** `holdfast reload`: has a server read its configuration again. */
export function reloadCommand(): Command {
  const command = newCommand('reload', 'Have a running server read its configuration again.', 'holdfast reload');
  return addControlOptions(command).action(async (options: ControlOptions) => {
    const { status, json } = await new ControlClient(controlTarget(options)).ask('POST', '/reload', [422]);
    if (status === 422) throw new CliError(errorLines(json as ReloadErrors).join('\n'), FAILURE, '');
    const { changed, needsRestart } = json as Reloaded;
    const paint = painter(screenOf(process.stdout));
    if (changed.length + needsRestart.length === 0) console.log('nothing has changed');
    for (const change of changed) console.log(changeLine(change));
    for (const key of needsRestart) console.log(`${paint('yellow', 'needs a restart:')} ${safeText(key)}`);
  });
}

function errorLines({ errors }: ReloadErrors): string[] {
  const lines = errors.map(({ file, line, key, message }) => {
    const place = [file, line].filter((part) => part !== null).join(':');
    const what = key === null ? message : `${key}: ${message}`;
    return safeText(place === '' ? what : `${place}: ${what}`);
  });
  return [...lines, 'the configuration in force stays as it was'];
}

/** A change with what the server says of it: `routes  added 2  removed 1`. */
function changeLine({ what, ...about }: Reloaded['changed'][number]): string {
  const parts = Object.entries(about).map(([name, value]) => `${name} ${valueText(value)}`);
  return safeText([what, ...parts].join('  '));
}

function valueText(value: unknown): string {
  if (Array.isArray(value)) return value.map(valueText).join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}
