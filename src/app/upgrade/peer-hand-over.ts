import type { FaultReport } from '../../exchange/index.ts';
import type { OldSide } from './hand-over.ts';
import type { MovingRole } from './moving-role.ts';
import type { OldProcess } from './old-process.ts';
import { PeerMover } from './peer-mover.ts';
import { PeerReceiver } from './peer-receiver.ts';

/** The ZeroMQ peers that a process gives the next process, and gets of the one before. */
export class PeerHandOver {
  readonly #added: (() => readonly MovingRole[])[] = [];
  readonly #mover: PeerMover;

  /** @param old the process that this one replaces; null for none */
  constructor(old: OldProcess | null, report: FaultReport) {
    const roles = (): readonly MovingRole[] => this.#added.flatMap((each) => each());
    this.#mover = new PeerMover(roles, report);
    if (old === null) return;
    const side = new PeerReceiver(roles, report);
    old.sides.push(side);
    void side.follow(old.channel);
  }

  /** What is given over, with what has to be given between handlers and publishers. */
  sides(between: readonly OldSide[]): readonly OldSide[] {
    return [this.#mover, ...between, this.#mover.last];
  }

  /** Has the peers of a role move. To be called before this process accepts. */
  add(role: MovingRole): void {
    this.#added.push(() => [role]);
  }

  /** The same for the roles that `links` has once they are open. */
  addLinks(links: { readonly roles: readonly MovingRole[] }): void {
    this.#added.push(() => links.roles);
  }

  /** This process ends. */
  stop(): void {
    this.#mover.stop();
  }
}
