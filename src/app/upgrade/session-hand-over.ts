import type { Sessions } from '../../control/index.ts';
import type { OldSide } from './hand-over.ts';
import type { ToNewProcess } from './upgrade-channel.ts';

/** Gives the next process the sessions of the control port: whoever looks at the server goes on looking. */
export class SessionHandOver implements OldSide {
  readonly #sessions: Sessions;

  constructor(sessions: Sessions) {
    this.#sessions = sessions;
  }

  /** Before the new process accepts, so that no request comes to it first. */
  async lead(channel: ToNewProcess): Promise<void> {
    this.#give(channel);
  }

  /** Again, for those who have logged in here meanwhile. */
  async giveOver(channel: ToNewProcess): Promise<void> {
    this.#give(channel);
  }

  onMessage(): void {}

  takeBack(): void {}

  finish(): void {}

  #give(channel: ToNewProcess): void {
    channel.send({ kind: 'sessions', sessions: this.#sessions.kept });
  }
}
