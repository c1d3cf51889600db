/** What of `[server]` says where requests come from. */
interface Entrances {
  readonly listen: readonly unknown[];
  readonly zhttp: readonly unknown[];
}

/** Whether there is a proxy, with all that belongs to it: the hub and the publish endpoint. */
export function hasProxy({ listen, zhttp }: Entrances): boolean {
  return listen.length > 0 || zhttp.length > 0;
}
