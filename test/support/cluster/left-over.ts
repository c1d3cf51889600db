import { nodesSchema } from '../../../src/control/node-schema.ts';
import type { FaultyCluster } from './faulty-cluster.ts';

/** As much of what the monitor port of a broker tells as matters here. */
interface Connz {
  readonly connections: readonly { readonly name?: string; readonly cid: number }[];
}

interface Routez {
  readonly routes: readonly {
    readonly remote_name: string;
    readonly account?: string;
    readonly subscriptions?: number;
  }[];
}

interface Jsz {
  readonly account_details?: readonly {
    readonly stream_detail?: readonly { readonly name: string; readonly state: { readonly consumer_count: number } }[];
  }[];
}

/** What is there after the faults that should not be, for people; empty if all is well. */
export async function leftOver({ nodes, brokers }: FaultyCluster): Promise<readonly string[]> {
  const found: string[] = [];
  const names: string[] = [];
  for (const { monitor } of brokers) {
    const { connections } = await ask<Connz>(`${monitor}/connz`);
    for (const { name = '', cid } of connections) names.push(name || `connection ${cid}`);
    const { account_details = [] } = await ask<Jsz>(`${monitor}/jsz?streams=true&consumers=true`);
    for (const { name, state } of account_details.flatMap(({ stream_detail = [] }) => stream_detail)) {
      // Buckets are watched all the time, and the broker forgets watchers of dead nodes after five minutes.
      if (name === 'holdfast' && state.consumer_count > 0)
        found.push(`${state.consumer_count} consumers of the stream ${name}`);
    }
  }
  const wanted = nodes.map(({ name }) => name).join(' ');
  if (names.sort().join(' ') !== wanted) found.push(`connections of ${names.join(' ')}`);
  for (const { name, api } of nodes) {
    const known = nodesSchema.parse((await api.send('GET', '/nodes')).json);
    const others = known.nodes.map((node) => node.name).join(' ');
    if (others !== wanted) found.push(`${name} knows ${others}`);
  }
  return found;
}

/** Which brokers and nodes each broker is connected to, for people. */
export async function connectionsOf({ brokers }: FaultyCluster): Promise<readonly string[]> {
  const lines = brokers.map(async ({ monitor }, index) => {
    const { routes } = await ask<Routez>(`${monitor}/routez`);
    const { connections } = await ask<Connz>(`${monitor}/connz`);
    const others = routes.map(({ remote_name, account = '', subscriptions = 0 }) => {
      return `${remote_name}${account && ` for ${account}`} with ${subscriptions} subscriptions`;
    });
    return `broker ${index}: ${[...others.sort(), ...connections.map(({ name = '' }) => name)].join(', ')}`;
  });
  return Promise.all(lines);
}

async function ask<T>(url: string): Promise<T> {
  return (await (await fetch(url)).json()) as T;
}
