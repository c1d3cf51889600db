import type { Command } from 'commander';
import type { Status } from '../control/index.ts';
import { CliError } from './cli-error.ts';
import { newCommand } from './command.ts';
import { ControlClient } from './control-client.ts';
import { addControlOptions, type ControlOptions, controlTarget } from './control-target.ts';
import { countText } from './number-texts.ts';
import { screenOf } from './terminal.ts';

/** `holdfast drain`: has a server say goodbye to its clients, and waits until it has ended. */
export function drainCommand(): Command {
  const command = newCommand(
    'drain',
    'Have a running server finish its requests, say goodbye to its clients, and end.',
    'holdfast drain',
  );
  return addControlOptions(command)
    .option('--no-wait', 'do not wait until it has ended')
    .action(async ({ wait, ...options }: ControlOptions & { wait: boolean }) => {
      const client = new ControlClient(controlTarget(options));
      const { json } = await client.ask('GET', '/status');
      const { pid } = json as Status;
      const states = client.events('/events');
      // The stream is open before the server drains: its end says that the server has ended.
      if (wait) await states.next();
      await client.ask('POST', '/drain');
      if (!wait) {
        console.log(`process ${pid} drains`);
        return;
      }
      const { isTTY } = screenOf(process.stderr);
      for await (const { data } of states) {
        const { connections } = data as Status;
        if (isTTY) process.stderr.write(`\r\u001b[K${countText(connections)} connections are open`);
      }
      if (isTTY) process.stderr.write('\r\u001b[K');
      const after = await client.ask('GET', '/status').catch((error: unknown) => {
        if (error instanceof CliError) return null;
        throw error;
      });
      const is = after?.json as Status | undefined;
      console.log(is?.pid === pid ? `process ${pid} has no clients any more` : `process ${pid} has ended`);
    });
}
