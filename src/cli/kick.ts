import type { Command } from 'commander';
import type { Disconnected } from '../control/index.ts';
import { CliError, USAGE } from './cli-error.ts';
import { newCommand } from './command.ts';
import { ControlClient } from './control-client.ts';
import { addControlOptions, type ControlOptions, controlTarget } from './control-target.ts';
import { missingText } from './missing-nodes.ts';
import { countText } from './number-texts.ts';

interface KickOptions extends ControlOptions {
  readonly connection?: string;
  readonly json?: boolean;
}

/** `holdfast kick`: closes connections of clients. */
export function kickCommand(): Command {
  const command = newCommand(
    'kick',
    'Close one connection of a client, or all connections of a user that are held.',
    'holdfast kick ann',
  );
  // --user has the credentials, as for all commands that ask the control port.
  return addControlOptions(command)
    .argument('[name]', 'name of the user')
    .option('--connection <id>', 'close the connection with this id, as the log and the control API have it')
    .option('--json', 'print the number of closed connections as JSON')
    .action(async (name: string | undefined, { connection, json = false, ...options }: KickOptions) => {
      if ((name === undefined) === (connection === undefined)) {
        throw new CliError('give the name of a user or --connection, one of them', USAGE);
      }
      const client = new ControlClient(controlTarget(options));
      const closed = connection === undefined ? await kickUser(client, name ?? '') : await kickOne(client, connection);
      if (json) console.log(JSON.stringify({ closed }));
      else console.log(`closed ${countText(closed)} ${closed === 1 ? 'connection' : 'connections'}`);
    });
}

async function kickOne(client: ControlClient, id: string): Promise<number> {
  await client.ask('DELETE', `/connections/${encodeURIComponent(id)}`);
  return 1;
}

/** @throws CliError for a user without connections */
async function kickUser(client: ControlClient, name: string): Promise<number> {
  const { json } = await client.ask('POST', `/users/${encodeURIComponent(name)}/disconnect`);
  const { closed, missing } = json as Disconnected;
  const others = missingText(missing);
  if (closed === 0)
    throw new CliError(`the user has no connections that are held${others === '' ? '' : `, but ${others}`}`);
  if (others !== '') console.error(others);
  return closed;
}
