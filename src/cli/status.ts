import type { Command } from 'commander';
import type { Status } from '../control/index.ts';
import { newCommand } from './command.ts';
import { ControlClient } from './control-client.ts';
import { addControlOptions, type ControlOptions, controlTarget } from './control-target.ts';
import { bytesText, countText, durationText, timeText } from './number-texts.ts';
import { replacedText } from './replaced-text.ts';
import { type Paint, painter, safeText, screenOf } from './terminal.ts';

/** Paint for each state. */
export const STATE_PAINT: { readonly [State in Status['state']]: Paint } = {
  starting: 'yellow',
  ready: 'green',
  draining: 'yellow',
  upgrading: 'yellow',
};

/** `holdfast status`: what a running server is, and what it does. */
export function statusCommand(): Command {
  const command = newCommand('status', 'Show the state of a running server.', 'holdfast status');
  return addControlOptions(command)
    .option('--json', 'print the whole status as JSON')
    .action(async ({ json, ...options }: ControlOptions & { json?: boolean }) => {
      const { json: status } = await new ControlClient(controlTarget(options)).ask('GET', '/status');
      if (json) console.log(JSON.stringify(status, null, 2));
      else console.log(statusLines(status as Status, painter(screenOf(process.stdout))).join('\n'));
    });
}

function statusLines(status: Status, paint: (paint: Paint, text: string) => string): string[] {
  const { version, pid, state, uptime, node, roles, workers, configuration, connections, held, channels } = status;
  const { memory, eventLoop, openFiles, listeners } = status;
  const { file, reloads, lastError } = configuration;
  const processes = workers === 0 ? '' : `, ${workers} workers`;
  const rows: (readonly [string, string])[] = [
    ['state', `${paint(STATE_PAINT[state], state)} for ${durationText(uptime)}, process ${pid}${processes}`],
    ['version', `${version}, Node.js ${node.replace(/^v/, '')}`],
    ['roles', roles.join(', ')],
    ...listeners.map(({ role, address }) => ['listens', `${address} (${role})`] as const),
    ['configuration', `${file === null ? 'none' : safeText(file)}, reloaded ${countText(reloads)} times`],
    ['connections', countText(connections)],
    ['held clients', `${countText(held)} on ${countText(channels)} channels`],
    ['memory', `${bytesText(memory.rss)}, heap ${bytesText(memory.heapUsed)}`],
    ['event loop', `late by ${timeText(eventLoop.p50)} (p50), ${timeText(eventLoop.p99)} (p99)`],
    ['open files', `${openFiles.used ?? '–'} of ${openFiles.limit ?? '–'}`],
  ];
  if (status.historyDegraded !== null) rows.push(['history', paint('red', safeText(status.historyDegraded))]);
  if (status.replaced !== null) rows.push(['upgrade', replacedText(status.replaced)]);
  if (status.nextExpiry !== null) rows.push(['certificates', expiryText(status.nextExpiry, paint)]);
  if (lastError !== null) rows.push(['last reload', paint('red', `failed: ${safeText(lastError)}`)]);
  return rows.map(([name, text]) => `${paint('dim', name.padEnd(14))}${text}`);
}

function expiryText(
  { certificate, expires, soon }: NonNullable<Status['nextExpiry']>,
  paint: (paint: Paint, text: string) => string,
): string {
  const left = (Date.parse(expires) - Date.now()) / 1_000;
  const when = left <= 0 ? 'has expired' : `expires in ${durationText(left)}`;
  return `${safeText(certificate)} ${soon ? paint('red', when) : when}, on ${expires.slice(0, 10)}`;
}
