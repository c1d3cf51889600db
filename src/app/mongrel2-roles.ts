import type { Mongrel2Server } from '../config/index.ts';
import { StaticFiles } from '../files/index.ts';
import { Mongrel2Role, type Mongrel2RoleOptions } from './mongrel2-role.ts';

/** The Mongrel2 servers of a process. */
export class Mongrel2Roles {
  /** Those that have been made. */
  readonly all: Mongrel2Role[] = [];
  #ended = 0;
  #onAllEnded = (): void => {};

  /**
   * Starts the servers, one after the other.
   * @throws Error when one cannot start
   */
  async start(
    servers: readonly Mongrel2Server[],
    shared: Omit<Mongrel2RoleOptions, 'server' | 'files' | 'onEnded'>,
  ): Promise<void> {
    const files = new StaticFiles({ ...shared, counters: shared.counters.folders });
    for (const server of servers) {
      const role = new Mongrel2Role({ ...shared, files, server, onEnded: () => this.#onEnded() });
      this.all.push(role);
      await role.start();
    }
  }

  /** Resolves when all have been ended over their control ports. */
  whenEnded(): Promise<void> {
    return new Promise((resolve) => {
      this.#onAllEnded = resolve;
    });
  }

  #onEnded(): void {
    this.#ended++;
    if (this.#ended === this.all.length) this.#onAllEnded();
  }
}
