import { cpus, loadavg, release, totalmem } from 'node:os';
import { outputOf } from './commands.ts';

/** Prints what a reader needs to judge the figures: the machine, and how busy it was before the bench began. */
export function printMachine(pin: boolean): void {
  const cores = cpus();
  const placement = pin ? 'servers pinned to core 0, load to core 1' : 'not pinned';
  console.log(
    `machine   ${cores.length} cores, ${cores[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GB; ${placement}`,
  );
  console.log(
    `system    Linux ${release()}, Node ${process.versions.node}, load ${loadavg()
      .map((value) => value.toFixed(1))
      .join(' ')}`,
  );
}

/** Prints the versions of what is measured against each other; `peers` are lines of `nginxVersion` and the like. */
export function printVersions(launcher: string, peers: readonly string[]): void {
  console.log(
    `versions  holdfast ${outputOf(process.execPath, launcher, '--version').trim()}${peers.map((peer) => `, ${peer}`).join('')}`,
  );
}

/** As `nginx 1.26.3`. */
export function nginxVersion(): string {
  return outputOf('nginx', '-v')
    .replace(/^.*nginx\//s, 'nginx ')
    .trim();
}

/** As `condure 1.10.0`. */
export function condureVersion(): string {
  return outputOf('condure', '--version').trim();
}

/** As `zurl 1.12.0`. */
export function zurlVersion(): string {
  return outputOf('zurl', '--version').trim().replace('Zurl', 'zurl');
}

/** As `wrk 4.1.0`. */
export function wrkVersion(): string {
  return `wrk ${/\d+\.\d+\.\d+/.exec(outputOf('wrk', '--version'))?.[0]}`;
}

/** As `nats-server 2.10.27`. */
export function natsVersion(): string {
  return outputOf('nats-server', '--version').trim().replace(': v', ' ');
}

/** As `nchan 1.3.7`: what the package says, since the module does not. */
export function nchanVersion(): string {
  const version = /\d+\.\d+\.\d+/.exec(outputOf('dpkg-query', '--show', 'libnginx-mod-nchan'))?.[0];
  return `nchan ${version ?? 'of unknown version'}`;
}
