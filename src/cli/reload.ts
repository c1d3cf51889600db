import type { Command } from 'commander';
import { changeText, type ReloadReport } from '../app/index.ts';
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
    for (const change of changed)
      console.log(safeText(changeText(change as unknown as ReloadReport['changed'][number])));
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
