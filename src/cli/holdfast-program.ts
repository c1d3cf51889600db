import type { Command } from 'commander';
import { newCommand } from './command.ts';

/** The commands. Only the requested one is loaded, so that `publish` in a script does not wait for the server's code. */
const COMMANDS = new Map<string, () => Promise<Command>>([
  ['run', async () => (await import('./run.ts')).runCommand()],
  ['publish', async () => (await import('./publish.ts')).publishCommand()],
  ['check', async () => (await import('./check.ts')).checkCommand()],
  ['doctor', async () => (await import('./doctor.ts')).doctorCommand()],
  ['fetch', async () => (await import('./fetch.ts')).fetchCommand()],
  ['condure', async () => (await import('./condure.ts')).condureCommand()],
  ['zurl', async () => (await import('./zurl.ts')).zurlCommand()],
  ['pushpin', async () => (await import('./pushpin.ts')).pushpinCommand()],
  ['mongrel2', async () => (await import('./mongrel2.ts')).mongrel2Command()],
  ['import', async () => (await import('./import.ts')).importCommand()],
  ['status', async () => (await import('./status.ts')).statusCommand()],
  ['top', async () => (await import('./top.ts')).topCommand()],
  ['tail', async () => (await import('./tail.ts')).tailCommand()],
  ['channels', async () => (await import('./list-channels.ts')).channelsCommand()],
  ['history', async () => (await import('./history.ts')).historyCommand()],
  ['nodes', async () => (await import('./list-nodes.ts')).nodesCommand()],
  ['presence', async () => (await import('./list-users.ts')).presenceCommand()],
  ['kick', async () => (await import('./kick.ts')).kickCommand()],
  ['reload', async () => (await import('./reload.ts')).reloadCommand()],
  ['upgrade', async () => (await import('./upgrade.ts')).upgradeCommand()],
  ['drain', async () => (await import('./drain.ts')).drainCommand()],
  ['demo', async () => (await import('./demo.ts')).demoCommand()],
]);

const EXIT_CODES = `
Exit codes: 0 for success, 1 for failure, 2 for wrong usage.`;

/** The program with the command of that name, or with all commands if there is none. */
export async function holdfastProgram(name: string): Promise<Command> {
  const program = newCommand(
    'holdfast',
    "Realtime HTTP: holds clients' connections open and lets any program respond and push to them.",
    "holdfast run --route '* localhost:8000'",
  );
  program.addHelpText('after', EXIT_CODES);
  const called = COMMANDS.get(name);
  for (const load of called === undefined ? COMMANDS.values() : [called]) program.addCommand(await load());
  return program;
}
