import { spawnSync } from 'node:child_process';

/** Where commands are looked for: Debian keeps daemons where an ordinary user's PATH does not look. */
export const searchPath = `${process.env.PATH ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`;

/** What a short command prints, on both of its outputs. Throws if the command is not there. */
export function outputOf(command: string, ...args: string[]): string {
  const ran = spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, PATH: searchPath },
    timeout: 10_000,
  });
  if (ran.error !== undefined) throw ran.error;
  return `${ran.stdout}${ran.stderr}`;
}

/** Whether a command can be run here. */
export function hasCommand(command: string): boolean {
  try {
    outputOf(command, '--version');
    return true;
  } catch {
    return false;
  }
}
