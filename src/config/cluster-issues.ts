import type { z } from 'zod';
import type { channelSchema } from './channel-rule.ts';
import { hasProxy } from './has-proxy.ts';

/** What a cluster has to do with. */
interface ClusterFile {
  readonly server: Parameters<typeof hasProxy>[0];
  readonly history: { readonly store: 'memory' | 'disk' };
  readonly channel: readonly z.output<typeof channelSchema>[];
  readonly cluster: {
    readonly nats: readonly string[];
    readonly user: string;
    readonly password: string;
    readonly token: string;
    readonly credentials: string;
    readonly cert: string;
    readonly key: string;
  };
}

/** What does not go together in the configuration of a node. */
export function clusterIssues({ server, history, cluster }: ClusterFile): readonly {
  readonly path: readonly string[];
  readonly message: string;
}[] {
  const issues: { path: readonly string[]; message: string }[] = [];
  const problem = (key: string, message: string): void => {
    issues.push({ path: ['cluster', key], message });
  };
  const { nats, user, password, token, credentials, cert, key } = cluster;
  if (nats.length > 0) {
    if (!hasProxy(server))
      problem('nats', 'has no effect: no client could connect to the proxy, whose channels it shares');
    if (history.store === 'disk')
      issues.push({
        path: ['history', 'store'],
        message: 'must be "memory" with `nats` under [cluster]: the broker keeps the items',
      });
  }
  if ([user, token, credentials].filter((way) => way !== '').length > 1)
    problem('user', 'only one of `user`, `token` and `credentials` can be given');
  if ((user === '') !== (password === '')) problem('password', 'is needed with `user`, and has no effect without it');
  if ((cert === '') !== (key === '')) problem('key', 'is needed with `cert`, and has no effect without it');
  return issues;
}
