import { Ticker } from '../../clock/index.ts';
import { type FaultReport, type Log, reportFault } from '../../exchange/index.ts';
import type { SuspendedPeer, ZmqPeer } from '../../zmq/index.ts';
import type { OldSide } from './hand-over.ts';
import type { MovingRole } from './moving-role.ts';
import type { ToNewProcess } from './upgrade-channel.ts';
import type { MovedPeer, NewProcessMessage } from './upgrade-messages.ts';

/** Times that peers are tried which cannot move at present, before this process stops accepting, and milliseconds between two of them. */
const ROUNDS = 10;
const PAUSE = 100;

/** Milliseconds that the new process has to say which peers of a batch it takes: nothing is read of them meanwhile. */
const TAKE_TIME = 10_000;

/** A batch under way. */
interface Batch {
  readonly number: number;
  readonly role: MovingRole;
  readonly suspended: Map<string, SuspendedPeer>;
  readonly done: (refused: readonly string[]) => void;
}

/**
 * Moves the ZeroMQ peers of this process to the new one: handlers and publishers, which stay connected. All those of a role that can move do so at once. Until the
 * new process has said that it can go on with them, nothing is read of them and nothing is sent to them; then they are forgotten here, and only
 * after that the new one touches them. If it dies before, they go on here as if nothing had been.
 *
 * Those that cannot move at present (in their handshake, or because they have not taken all that was sent to them) are tried again until this process
 * ends. Meanwhile nothing is read of them where a packet could be for a session of the new process.
 */
export class PeerMover implements OldSide {
  readonly #roles: () => readonly MovingRole[];
  readonly #log: Log;
  readonly #report: FaultReport;
  /** Roles that the new process has too, and those of them whose peers are being moved. */
  #agreed: readonly MovingRole[] = [];
  #moving: readonly MovingRole[] = [];
  #channel: ToNewProcess | null = null;
  #batch: Batch | null = null;
  #batches = 0;
  #peers = 0;
  readonly #refused = new Set<ZmqPeer>();
  /** Roles with sessions that go on by way of the new process. */
  readonly #followed = new Set<MovingRole>();
  #onServes: (roles: readonly string[]) => void = () => {};
  /** The upgrade under way, and whether it has been given up. */
  #attempt = { over: false };
  #late: Ticker | null = null;
  #busy = false;

  /** @param roles is called when an upgrade begins */
  constructor(roles: () => readonly MovingRole[], report: FaultReport) {
    this.#roles = roles;
    this.#log = report.log;
    this.#report = report;
  }

  async lead(): Promise<void> {}

  /** Moves handlers. */
  async giveOver(channel: ToNewProcess): Promise<void> {
    this.#channel = channel;
    this.#attempt = { over: false };
    this.#refused.clear();
    this.#followed.clear();
    this.#agreed = [];
    this.#moving = [];
    await this.#agree(channel);
    const handlers = this.#agreed.filter(({ link }) => link !== null);
    for (const { link } of handlers) await link?.movable.connect(channel.links[link.mode]);
    await this.#giveOver(handlers);
  }

  /** Moves the other peers, after the clients of the proxy: publishers are subscribed to for the channels of these. */
  get last(): OldSide {
    return {
      lead: () => Promise.resolve(),
      giveOver: () => this.#giveOver(this.#agreed.filter(({ link }) => link === null)),
      onMessage: ignore,
      takeBack: ignore,
      finish: ignore,
    };
  }

  async #giveOver(roles: readonly MovingRole[]): Promise<void> {
    if (roles.length === 0) return;
    const attempt = this.#attempt;
    this.#moving = [...this.#moving, ...roles];
    let moved = 0;
    for (let round = 0; round < ROUNDS && !attempt.over; round++) {
      if (round > 0) await pause();
      if (attempt.over) return;
      moved += await this.#moveAll();
      if (this.#left === 0) break;
    }
    if (!attempt.over) this.#log.info({ moved, stay: this.#left }, 'zmq peers moved to the new process');
  }

  /** Finds out which roles the new process has too. */
  async #agree(channel: ToNewProcess): Promise<void> {
    const roles = this.#roles();
    if (roles.length === 0) return;
    const served = new Promise<readonly string[]>((resolve) => {
      this.#onServes = resolve;
    });
    channel.send({ kind: 'roles', roles: roles.map(({ name, link }) => ({ name, ids: link?.movable.ids ?? '' })) });
    const names = await served;
    this.#agreed = roles.filter(({ name }) => names.includes(name));
  }

  onMessage(message: NewProcessMessage): void {
    if (message.kind === 'serves') this.#onServes(message.roles);
    else if (message.kind === 'peersTaken' && message.batch === this.#batch?.number) this.#batch.done(message.refused);
  }

  takeBack(): void {
    this.#attempt.over = true;
    const batch = this.#resumeBatch();
    for (const { link } of this.#moving) link?.movable.unfollow();
    this.#moving = [];
    // Nobody waits any longer.
    batch?.done([]);
  }

  finish(): void {
    if (this.#moving.length > 0) this.#late = new Ticker(PAUSE, this, () => this.#moveLate());
  }

  /** This process ends. */
  stop(): void {
    this.#attempt.over = true;
    this.#late?.stop();
  }

  #moveLate(): void {
    if (this.#busy || this.#attempt.over) return;
    if (this.#channel?.connected !== true) {
      // Handlers that are connected to this process are for it alone.
      for (const { link } of this.#moving) link?.movable.unfollow();
      this.#late?.stop();
      return;
    }
    this.#busy = true;
    void this.#moveAll()
      .catch((thrown) => this.#keepLate(thrown))
      .then(() => {
        this.#busy = false;
      });
  }

  /** The peers of the batch go on here, until they are tried again. */
  #keepLate(thrown: unknown): void {
    const batch = this.#resumeBatch();
    if (batch === null) {
      this.onFault(thrown);
      return;
    }
    this.#channel?.send({ kind: 'peersKept', batch: batch.number });
    batch.role.link?.movable.release(false);
    this.#log.warn({ role: batch.role.name, reason: (thrown as Error).message }, 'zmq peers cannot move now');
  }

  #resumeBatch(): Batch | null {
    const batch = this.#batch;
    this.#batch = null;
    for (const suspended of batch?.suspended.values() ?? []) suspended.resume();
    return batch;
  }

  /** Peers that have not moved, and may yet. */
  get #left(): number {
    return this.#moving.reduce((sum, role) => sum + this.#peersOf(role).length, 0);
  }

  #peersOf({ sockets }: MovingRole): readonly { readonly socket: number; readonly peer: ZmqPeer }[] {
    return sockets.flatMap(({ accepted }, socket) =>
      accepted.filter((peer) => !this.#refused.has(peer)).map((peer) => ({ socket, peer })),
    );
  }

  async #moveAll(): Promise<number> {
    const attempt = this.#attempt;
    let moved = 0;
    for (const role of this.#moving) {
      if (!attempt.over) moved += await this.#move(role);
    }
    return moved;
  }

  /** Moves those peers of a role that can move now. Returns how many. */
  async #move(role: MovingRole): Promise<number> {
    const attempt = this.#attempt;
    const channel = this.#channel as ToNewProcess;
    const peers = new Map<string, { readonly socket: number; readonly peer: ZmqPeer }>();
    let sent: Promise<void> = Promise.resolve();
    for (const each of this.#peersOf(role)) {
      const { handle } = each.peer;
      if (handle === null || !each.peer.established) continue;
      const id = String(++this.#peers);
      peers.set(id, each);
      sent = new Promise((resolve) => channel.send({ kind: 'peer', id }, handle, () => resolve()));
    }
    if (peers.size === 0 && this.#followed.has(role)) return 0;
    await sent;
    if (attempt.over) return 0;
    const isReady = role.ready?.() !== false;
    const movable = role.link?.movable;
    movable?.hold();
    const suspended = new Map<string, SuspendedPeer>();
    const moved: MovedPeer[] = [];
    for (const [id, { socket, peer }] of peers) {
      const each = isReady ? peer.suspend() : null;
      if (each === null) continue;
      suspended.set(id, each);
      moved.push({ id, socket, state: each.state });
    }
    const number = ++this.#batches;
    const taken = new Promise<readonly string[]>((done) => {
      this.#batch = { number, role, suspended, done };
    });
    channel.send({ kind: 'peers', batch: number, role: role.name, peers: moved });
    const refused = await inTime(taken);
    if (attempt.over) return 0;
    this.#batch = null;
    for (const id of refused) {
      suspended.get(id)?.resume();
      suspended.delete(id);
      const peer = peers.get(id)?.peer;
      if (peer !== undefined) this.#refused.add(peer);
    }
    for (const each of suspended.values()) each.forget();
    channel.send({ kind: 'peersGo', batch: number });
    this.#followed.add(role);
    movable?.follow();
    // Those that never move are served here.
    movable?.release(this.#peersOf(role).length === 0 && refused.length > 0);
    return suspended.size;
  }

  onFault(thrown: unknown): void {
    reportFault(this.#report, thrown);
  }
}

/** @throws Error when it takes too long: the upgrade is given up */
async function inTime<T>(step: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`it has not taken its zmq peers within ${TAKE_TIME / 1_000} s`)),
      TAKE_TIME,
    );
  });
  try {
    return await Promise.race([step, late]);
  } finally {
    clearTimeout(timer);
  }
}

function ignore(): void {}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PAUSE));
}
