/** A role of a process that another one has replaced. */
export interface RetiredRole {
  whenEmpty(): Promise<void>;
  /** Ends what has stayed, spread over a time in milliseconds. */
  dismiss(time: number): void;
}

/**
 * Lets the roles of a process finish that another one has replaced: for a part of the time as it comes, and then by goodbyes that are spread over the rest.
 * @param time in milliseconds
 * @param first of this, before the first goodbye. Default: half of it
 */
export async function windDown(roles: readonly RetiredRole[], time: number, first = time / 2): Promise<void> {
  const empty = Promise.all(roles.map((role) => role.whenEmpty())).then(() => true);
  if (await Promise.race([empty, after(first)])) return;
  for (const role of roles) role.dismiss(time - first);
  await Promise.race([empty, after(time - first)]);
}

function after(time: number): Promise<boolean> {
  return new Promise((resolve) => {
    setTimeout(resolve, time, false);
  });
}

/** A role whose handlers come to the other process only once it has stopped. */
export interface BoundRole extends RetiredRole {
  /** Whether its handlers have come to the other process before: then it has as much time as others. Absent: they have not. */
  readonly relayed?: boolean;
  stop(): Promise<void>;
}

/** Lets roles finish within `upgrade_timeout`, and stops those with handlers after `drain_timeout`; null stands for a role that there is not. */
export async function windDownAll(
  { upgradeTimeout, drainTimeout }: { readonly upgradeTimeout: number; readonly drainTimeout: number },
  roles: readonly (RetiredRole | null)[],
  bound: readonly (BoundRole | null)[],
): Promise<void> {
  const handled = bound.filter((role) => role !== null);
  const ends = handled
    .filter(({ relayed }) => relayed !== true)
    .map((role) => windDown([role], drainTimeout * 1_000).then(() => role.stop()));
  const others = [...roles.filter((role) => role !== null), ...handled.filter(({ relayed }) => relayed === true)];
  await Promise.all([windDown(others, upgradeTimeout * 1_000), ...ends]);
}
