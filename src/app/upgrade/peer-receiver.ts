import { type FaultReport, reportFault } from '../../exchange/index.ts';
import type { SocketHandle as PeerHandle } from '../../server/index.ts';
import type { NewSide } from './hand-over.ts';
import type { MovingRole } from './moving-role.ts';
import type { SocketHandle, ToOldProcess } from './upgrade-channel.ts';
import type { MovedPeer, OldProcessMessage } from './upgrade-messages.ts';

/** Takes the ZeroMQ peers that a `PeerMover` of the old process moves. */
export class PeerReceiver implements NewSide {
  readonly #roles: () => readonly MovingRole[];
  readonly #report: FaultReport;
  #channel: ToOldProcess | null = null;
  /** Sockets of peers that are not here yet. */
  readonly #handles = new Map<string, PeerHandle>();
  /** The batch that has come, as far as it can be taken. */
  #taken: { readonly role: MovingRole; readonly peers: readonly MovedPeer[] } | null = null;
  /** By role, what the ids of the old process's sessions begin with. */
  readonly #served = new Map<MovingRole, string>();
  #ended = false;

  /** @param roles those of this process; asked when the old process names its own */
  constructor(roles: () => readonly MovingRole[], report: FaultReport) {
    this.#roles = roles;
    this.#report = report;
  }

  async follow(channel: ToOldProcess): Promise<void> {
    this.#channel = channel;
  }

  onMessage(message: OldProcessMessage, handle: SocketHandle | undefined): void {
    switch (message.kind) {
      case 'roles':
        this.#serve(message.roles);
        break;
      case 'peer':
        if (handle !== undefined) this.#handles.set(message.id, handle as PeerHandle);
        break;
      case 'peers':
        this.#check(message.batch, message.role, message.peers);
        break;
      case 'peersGo':
        this.#take();
        break;
      case 'peersKept':
        this.#taken = null;
        this.#closeHandles();
        break;
      default:
        break;
    }
  }

  #serve(named: readonly { readonly name: string; readonly ids: string }[]): void {
    const channel = this.#channel as ToOldProcess;
    const roles: string[] = [];
    for (const { name, ids } of named) {
      const role = this.#roles().find((each) => each.name === name);
      if (role === undefined) continue;
      roles.push(name);
      this.#served.set(role, ids);
      role.link?.movable.serve(ids, channel.links[role.link.mode]);
    }
    channel.send({ kind: 'serves', roles });
  }

  /** Says which peers can go on here. */
  #check(batch: number, name: string, peers: readonly MovedPeer[]): void {
    const role = this.#roles().find((each) => each.name === name);
    const refused: string[] = [];
    const taken = peers.filter(({ id, socket, state }) => {
      try {
        if (!this.#handles.has(id)) throw new Error('its socket has not come');
        const to = role?.sockets[socket];
        if (to === undefined) throw new Error('there is no such socket');
        to.checkPeer(state);
        return true;
      } catch (error) {
        const detail = (error as Error).message;
        this.#report.log.info({ role: name, detail }, 'zmq peer stays with the old process');
        refused.push(id);
        return false;
      }
    });
    this.#taken = role === undefined ? null : { role, peers: taken };
    if (this.#ended) this.#take();
    else this.#channel?.send({ kind: 'peersTaken', batch, refused });
  }

  /** The peers no longer belong to the old process. */
  #take(): void {
    const taken = this.#taken;
    this.#taken = null;
    for (const { id, socket, state } of taken?.peers ?? []) {
      const handle = this.#handles.get(id) as PeerHandle;
      this.#handles.delete(id);
      try {
        taken?.role.sockets[socket]?.adoptPeer(handle, state);
      } catch (thrown) {
        handle.close();
        reportFault(this.#report, thrown);
      }
    }
    this.#closeHandles();
    if (taken === null || taken.peers.length === 0) return;
    taken.role.link?.movable.arrived();
    const { role, peers } = taken;
    const fields = { pid: process.pid, role: role.name, peers: peers.length };
    this.#report.log.info(fields, 'zmq peers taken from the old process');
  }

  /** Those that are left stay with the old process, which has the sockets too. */
  #closeHandles(): void {
    for (const handle of this.#handles.values()) handle.close();
    this.#handles.clear();
  }

  onOldProcessEnded(): void {
    this.#ended = true;
    // It cannot say any more that they are forgotten there, and does not have them any more.
    this.#take();
    for (const [{ link }, ids] of this.#served) link?.movable.leave(ids);
  }
}
