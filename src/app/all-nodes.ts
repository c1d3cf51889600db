import type { NodeCalls } from '../cluster/index.ts';
import type { FaultReport } from '../exchange/index.ts';
import { hubChannels } from './channels-backend.ts';
import type { ClientAnswers, ClientQuestion } from './client-view.ts';
import { ClusterChannels } from './cluster-channels.ts';
import { ClusterClients } from './cluster-clients.ts';
import { ClusterCommands } from './cluster-commands.ts';
import type { ProxyRole } from './proxy-role.ts';
import type { ProxyWorkers } from './proxy-workers.ts';
import type { Publishing } from './publishing.ts';

/** What the clients of this node are reached by. */
export interface OwnNode {
  readonly proxy: ProxyRole;
  /** The processes that have the clients; null for this one. */
  readonly workers: ProxyWorkers | null;
  /** Where publishers of this node publish. */
  readonly publishing: Publishing;
  readonly report: FaultReport;
}

/** The clients of this node and those of the other nodes of its cluster. The others are answered from here, too. */
export class AllNodes {
  readonly clients: ClusterClients;
  readonly channels: ClusterChannels;

  /** @param calls to other nodes; null without a cluster */
  constructor({ proxy, workers, publishing, report }: OwnNode, calls: NodeCalls | null) {
    this.clients = new ClusterClients((question) => askClients(question, proxy, workers), calls);
    this.channels = new ClusterChannels(workers?.relay ?? hubChannels(proxy.hub), calls);
    if (calls === null) return;
    const { receivers } = workers?.relay.router ?? proxy.hub;
    publishing.nodes = new ClusterCommands(() => publishing.current, receivers, calls, report);
  }
}

/** Asks those who have the clients: this process or the workers. */
async function askClients<Question extends ClientQuestion>(
  question: Question,
  proxy: ProxyRole,
  workers: ProxyWorkers | null,
): Promise<readonly ClientAnswers[Question['about']][]> {
  const answers = workers === null ? [await proxy.clients.answer(question)] : await workers.askClients(question);
  return answers as readonly ClientAnswers[Question['about']][];
}
