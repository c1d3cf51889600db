import type { Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { deserialize, serialize } from 'node:v8';
import { HistoryRole } from '../../src/app/history-role.ts';
import { Publishing } from '../../src/app/publishing.ts';
import { HeldMover } from '../../src/app/upgrade/held-mover.ts';
import { HeldReceiver } from '../../src/app/upgrade/held-receiver.ts';
import { OwnClients, type ProxyClients } from '../../src/app/upgrade/own-clients.ts';
import type { SocketHandle, ToNewProcess, ToOldProcess } from '../../src/app/upgrade/upgrade-channel.ts';
import type { NewProcessMessage, OldProcessMessage } from '../../src/app/upgrade/upgrade-messages.ts';
import { parsePublishItem } from '../../src/codec/grip/index.ts';
import { defaultConfig } from '../../src/config/index.ts';
import { HistoryCounters } from '../../src/history/index.ts';
import type { Connection, SuspendedConnection } from '../../src/server/index.ts';
import { ZmqCounters } from '../../src/zmq/index.ts';
import { type MovingRig, type MovingSide, takeHandle } from './moving-rig.ts';
import { socketPair } from './socket-pair.ts';

/** What the test may do to a message: pass it on, later or never. */
export type Tamper = (message: OldProcessMessage | NewProcessMessage, pass: () => void) => void;

/** The two sides of a hand-over of clients in one process, with a channel between them. */
export class HandOverRig {
  readonly mover: HeldMover;
  readonly receiver: HeldReceiver;
  readonly oldPublishing: Publishing;
  readonly nextPublishing: Publishing;
  readonly toNew: ToNewProcess;
  readonly toOld: ToOldProcess;
  tamper: Tamper = (_, pass) => pass();
  /** Batches that have gone. */
  batches = 0;

  private constructor(rig: MovingRig, pairs: readonly (readonly [Socket, Socket])[]) {
    const [[newNear, newFar], [oldNear, oldFar]] = pairs as [[Socket, Socket], [Socket, Socket]];
    this.oldPublishing = new Publishing(rig.old.role.hub);
    this.nextPublishing = new Publishing(rig.next.role.hub);
    this.mover = new HeldMover(meansOf(rig.old, this.oldPublishing));
    this.receiver = new HeldReceiver(meansOf(rig.next, this.nextPublishing));
    this.toNew = {
      toNew: newNear,
      toOld: oldNear,
      send: (message: OldProcessMessage, handle?: SocketHandle, onSent: () => void = () => {}) => {
        const copy: OldProcessMessage = deserialize(serialize(message));
        if (message.kind === 'batch') this.batches++;
        setImmediate(() => {
          this.tamper(copy, () => this.receiver.onMessage(copy, handle));
          onSent();
        });
      },
    } as unknown as ToNewProcess;
    this.toOld = {
      toNew: newFar,
      toOld: oldFar,
      send: (message: NewProcessMessage) => {
        setImmediate(() => this.tamper(message, () => this.mover.onMessage(message)));
      },
    } as unknown as ToOldProcess;
  }

  static async start(t: TestContext, rig: MovingRig): Promise<HandOverRig> {
    const made = new HandOverRig(rig, [await socketPair(t), await socketPair(t)]);
    await Promise.all([made.mover.lead(made.toNew), made.receiver.follow(made.toOld)]);
    return made;
  }

  /** Publishes an item, given as GRIP's JSON has it, in one of the two. */
  publish(publishing: Publishing, item: object): void {
    publishing.requestTurn({
      bytes: 1,
      onTurn: () => {
        publishing.publish([parsePublishItem(item)]);
        return true;
      },
      onFault: (thrown) => {
        throw thrown;
      },
    });
  }
}

function meansOf({ role, wheel, counters, log }: MovingSide, publishing: Publishing) {
  const own: ProxyClients = {
    hub: role.hub,
    get connections() {
      return role.connections.map(singleHandle);
    },
    check: (state) => role.check(state),
    adopt: (handle, state) => role.adopt(handle, state),
  };
  const clients = new OwnClients(own, { counters, log });
  const kept = { log, counters: new HistoryCounters(), target: role.hub.history, cluster: null };
  const history = new HistoryRole(defaultConfig(), kept);
  const zmqCounters = new ZmqCounters();
  const { presence, hubLimits: limits } = role;
  return { clients, publishing, history, presence, wheel, counters, log, zmqCounters, limits };
}

const WRAPPED = new WeakMap<Connection, Connection>();

/** The connection with a socket that loses its handle where another process would have a second one. */
function singleHandle(connection: Connection): Connection {
  const known = WRAPPED.get(connection);
  if (known !== undefined) return known;
  const wrapped = new Proxy(connection, {
    get(target, name) {
      if (name === 'suspend') return (): SuspendedConnection | null => withOneHandle(target);
      const value = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  WRAPPED.set(connection, wrapped);
  return wrapped;
}

function withOneHandle(connection: Connection): SuspendedConnection | null {
  const suspended = connection.suspend();
  if (suspended === null) return null;
  return {
    ...suspended,
    forget: () => {
      takeHandle(connection);
      suspended.forget();
    },
  };
}
