import type { BrokerReport } from '../../cluster/index.ts';
import type { Config } from '../../config/index.ts';
import { brokerAccess } from '../broker-access.ts';
import { channelRules } from '../history-role.ts';
import { type Finding, Findings } from './finding.ts';

/** The oldest nats-server whose streams do what is needed. */
const OLDEST: readonly [major: number, minor: number] = [2, 10];

/** Bytes that a broker should take as one message: larger items are refused. */
const USUAL_PAYLOAD = 1_048_576;

/** Milliseconds that clocks may differ: the ages of items are told by both. */
const CLOCKS = 5_000;

/** Whether the broker of a cluster can be reached, and is what nodes need. */
export async function checkCluster(config: Config): Promise<Finding[]> {
  const { cluster, history } = config;
  if (cluster.nats.length === 0) return [];
  const findings = new Findings('cluster');
  const { BrokerError, examineBroker } = await import('../../cluster/index.ts');
  const { replicas, prefix } = cluster;
  const settings = { replicas, maxBytes: history.maxBytes, largest: () => channelRules(config).largest };
  try {
    judge(await examineBroker(brokerAccess(cluster), prefix, settings), prefix, findings);
  } catch (error) {
    const reason = error instanceof BrokerError ? error.reason : (error as Error).message;
    findings.fail(cluster.nats.join(', '), reason, 'start NATS, or correct [cluster]');
  }
  return findings.all;
}

function judge(report: BrokerReport, prefix: string, findings: Findings): void {
  const { server, version, maxPayload, noJetStream, differences, ahead } = report;
  findings.ok(server, `nats-server ${version} takes this node`);
  if (isOlder(version))
    findings.fail(server, `nats-server ${version} is too old`, `install ${OLDEST.join('.')} or newer`);
  if (maxPayload < USUAL_PAYLOAD) {
    const text = `max_payload is ${maxPayload} bytes: larger items are refused`;
    findings.warn(server, text, 'raise max_payload on all servers of NATS, if items may be larger');
  }
  if (noJetStream !== null) {
    findings.fail(server, noJetStream, 'start all servers of NATS, with -js, and allow the account to use JetStream');
  } else if (differences === null) {
    findings.ok(prefix, 'there is no stream of this name yet: the first node makes it');
  } else if (differences.length > 0) {
    const text = `the stream is not one of Holdfast: ${differences.join('; ')}`;
    findings.fail(prefix, text, 'set another prefix under [cluster], or remove the stream: nats stream rm');
  } else {
    findings.ok(prefix, 'the stream is as it must be');
  }
  if (ahead !== null && Math.abs(ahead) > CLOCKS) {
    const text = `its clock is ${Math.round(Math.abs(ahead) / 1_000)} s ${ahead > 0 ? 'ahead' : 'behind'}`;
    findings.warn(server, text, 'have both set by a time server: items get too old too soon, or too late');
  }
}

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]);
}
