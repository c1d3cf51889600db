import type { Config } from '../../config/index.ts';
import { fetchPlans } from '../fetch-plan.ts';
import { checkCapacity } from './check-capacity.ts';
import { checkCertificates } from './check-certificates.ts';
import { checkCluster } from './check-cluster.ts';
import { checkFiles } from './check-files.ts';
import { checkListeners } from './check-listeners.ts';
import { checkMachine } from './check-machine.ts';
import { checkPeers } from './check-peers.ts';
import type { Finding } from './finding.ts';

/**
 * Examines whether this host can run a configuration: addresses, limits, certificates, files, and whether what the server connects to can be
 * reached. It changes nothing, and takes half a minute at most.
 */
export async function examine(config: Config): Promise<readonly Finding[]> {
  const plans = fetchPlans(config);
  const [listeners, peers, cluster] = await Promise.all([
    checkListeners(config, plans),
    checkPeers(config, plans),
    checkCluster(config),
  ]);
  return [
    ...checkMachine(),
    ...listeners,
    ...checkFiles(config),
    ...checkCertificates(config),
    ...peers,
    ...cluster,
    ...checkCapacity(config, plans),
  ];
}
