import { existsSync, readFileSync, statSync } from 'node:fs';
import { packageVersion } from '../package-version.ts';
import { type Finding, Findings } from './finding.ts';

/** What Holdfast needs: the oldest version of Node. */
const NODE: readonly [major: number, minor: number] = [20, 19];

/** systemd-timesyncd makes it when the clock has been set by a time server. */
const SYNCHRONIZED = '/run/systemd/timesync/synchronized';

/** Milliseconds of a day. */
const DAY = 86_400_000;

/** What is looked at; tests have their own. */
export interface Machine {
  readonly node: string;
  readonly now: number;
  /** When this installation was made. */
  readonly installed: number;
  readonly isSynchronized: boolean;
  /** Text of /etc/resolv.conf; null where it cannot be read. */
  readonly resolver: string | null;
}

/** Whether Node, the clock and the resolver of this host are what they should be. */
export function checkMachine(machine: Machine = thisMachine()): Finding[] {
  const { node, now, installed, isSynchronized, resolver } = machine;
  const host = new Findings('host');
  const [major = 0, minor = 0] = node.split('.').map(Number);
  const [needed, neededMinor] = NODE;
  if (major > needed || (major === needed && minor >= neededMinor)) {
    host.ok('Node.js', `${node}, with Holdfast ${packageVersion()}`);
  } else {
    host.fail('Node.js', `${node} is too old`, `install Node.js ${needed}.${neededMinor} or later`);
  }
  const time = new Date(now).toISOString();
  const synchronize = 'set it, and run a time service such as systemd-timesyncd or chrony';
  // Files are copied from hosts in other zones with clocks of their own: a day is no error.
  if (now < installed - DAY) {
    host.fail(
      'clock',
      `${time} is before this installation was made: tokens and certificates will be refused`,
      synchronize,
    );
  } else {
    host.ok(
      'clock',
      isSynchronized ? `${time}, set by a time server` : `${time}; whether a time server sets it is not known`,
    );
  }
  const servers = (resolver ?? '').split('\n').filter((line) => /^\s*nameserver\s+\S/.test(line)).length;
  if (servers > 0) host.ok('resolver', `${servers} name server${servers === 1 ? '' : 's'} in /etc/resolv.conf`);
  else
    host.warn('resolver', 'no name server in /etc/resolv.conf', 'only names in /etc/hosts can be looked up: add one');
  return host.all;
}

function thisMachine(): Machine {
  return {
    node: process.versions.node,
    now: Date.now(),
    installed: statSync(new URL('../../../package.json', import.meta.url)).mtimeMs,
    isSynchronized: existsSync(SYNCHRONIZED),
    resolver: textOf('/etc/resolv.conf'),
  };
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
