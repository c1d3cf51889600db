import type { Command } from 'commander';
import type { Status } from '../control/index.ts';
import { CliError } from './cli-error.ts';
import { newCommand } from './command.ts';
import { ControlClient } from './control-client.ts';
import { addControlOptions, type ControlOptions, controlTarget } from './control-target.ts';
import { countText } from './number-texts.ts';
import { replacedText } from './replaced-text.ts';
import { screenOf } from './terminal.ts';

/** Milliseconds between two looks at the server. */
const INTERVAL = 500;

/** Seconds that the new process has to take over. */
const PATIENCE = 180;

/** `holdfast upgrade`: has a server replace its process without dropping anybody. */
export function upgradeCommand(): Command {
  const command = newCommand(
    'upgrade',
    'Replace the process of a running server by one of the installed version, without dropping anybody.',
    'holdfast upgrade',
  );
  return addControlOptions(command).action(async (options: ControlOptions) => {
    const target = controlTarget(options);
    const client = new ControlClient(target);
    const { json: before } = await client.ask('GET', '/status');
    const old = before as Status;
    console.log(`process ${old.pid} of version ${old.version} starts a new one`);
    const { json } = await client.ask('POST', '/upgrade');
    const { pid } = json as { pid: number };
    console.log(`process ${pid} accepts connections`);
    const status = await takenOver(client, old.pid, pid);
    console.log(`process ${pid} of version ${status.version} has taken over`);
    if (status.replaced !== null) console.log(replacedText(status.replaced));
  });
}

/** Waits until the new process is the one that responds, and shows how many clients the old one still has. */
async function takenOver(client: ControlClient, oldPid: number, newPid: number): Promise<Status> {
  const { isTTY } = screenOf(process.stderr);
  for (let waited = 0; waited < PATIENCE * 1_000; waited += INTERVAL) {
    // While they change places neither may respond.
    const answer = await client.ask('GET', '/status').catch(() => null);
    const status = answer?.json as Status | undefined;
    // Both accept until then, and the old one may still go on as before.
    if (status?.pid === newPid && status.state === 'ready' && status.replaced?.state !== 'giving') {
      if (isTTY) process.stderr.write('\r\u001b[K');
      return status;
    }
    if (status?.pid === oldPid && status.state === 'ready' && waited > 0) {
      throw new CliError(`process ${newPid} did not take over, and process ${oldPid} goes on: its log has the reason`);
    }
    if (isTTY && status?.pid === oldPid) {
      process.stderr.write(`\r\u001b[K${countText(status.held)} held clients are still with process ${oldPid}`);
    }
    await new Promise((resolve) => setTimeout(resolve, INTERVAL));
  }
  throw new CliError(`process ${newPid} has not taken over within ${PATIENCE} s: the log has the reason`);
}
