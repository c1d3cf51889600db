import type { Command } from 'commander';
import type { ClusterNodes, ShownNode } from '../control/index.ts';
import { newCommand } from './command.ts';
import { ControlClient } from './control-client.ts';
import { addControlOptions, type ControlOptions, controlTarget } from './control-target.ts';
import { countText, durationText, rateText } from './number-texts.ts';
import { tableLines } from './table-text.ts';
import { jsonLine, painter, screenOf } from './terminal.ts';

const COLUMNS = [
  { heading: 'NODE' },
  { heading: 'ID' },
  { heading: 'VERSION' },
  { heading: 'PROTOCOL', isNumber: true },
  { heading: 'STATE' },
  { heading: 'CONNECTIONS', isNumber: true },
  { heading: 'CHANNELS', isNumber: true },
  { heading: 'PUBLISHED', isNumber: true },
  { heading: 'DELIVERED', isNumber: true },
  { heading: 'HEARD', isNumber: true },
];

interface NodesOptions extends ControlOptions {
  readonly json?: boolean;
}

/** `holdfast nodes`: the nodes of a cluster. */
export function nodesCommand(): Command {
  const command = newCommand(
    'nodes',
    'List the nodes of the cluster that a running server belongs to.',
    'holdfast nodes',
  );
  return addControlOptions(command)
    .option('--json', 'print each node as a line of JSON')
    .action(async ({ json = false, ...options }: NodesOptions) => {
      const client = new ControlClient(controlTarget(options));
      const answer = await client.ask('GET', '/nodes', [], 'it is not a node of a cluster, as [cluster] is not set');
      const { nodes, broker } = answer.json as ClusterNodes;
      if (!broker) console.error('the broker is away: this is what the node knew before');
      if (json) for (const node of nodes) console.log(jsonLine(node));
      else console.log(tableLines(COLUMNS, nodes.map(rowOf), painter(screenOf(process.stdout))).join('\n'));
    });
}

function rowOf(node: ShownNode): string[] {
  const { name, self, id, version, protocol, state, lastHeard } = node;
  return [
    self ? `${name} (asked)` : name,
    id,
    version,
    String(protocol),
    state,
    numberText(node.connections, countText),
    numberText(node.channels, countText),
    numberText(node.publishedPerSecond, rateText),
    numberText(node.deliveredPerSecond, rateText),
    lastHeard === null ? '' : durationText(lastHeard),
  ];
}

function numberText(value: number | null, textOf: (value: number) => string): string {
  return value === null ? '–' : textOf(value);
}
