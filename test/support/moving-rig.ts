import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { deserialize, serialize } from 'node:v8';
import { ProxyRole } from '../../src/app/proxy-role.ts';
import { TimerWheel } from '../../src/clock/index.ts';
import { parsePublishItem } from '../../src/codec/grip/index.ts';
import { Counters, RouteStatsTable } from '../../src/exchange/index.ts';
import type { Connection, ConnectionState, SocketHandle } from '../../src/server/index.ts';
import { SessionCounters } from '../../src/zhttp/index.ts';
import { ZmqCounters } from '../../src/zmq/index.ts';
import { FakeLog } from './fake-log.ts';
import { turn } from './manual-clock.ts';
import { connectTo, type RawClient } from './raw-client.ts';
import { type Changes, configOf } from './running-app.ts';

/** One proxy with its hub, as one process has it. */
export class MovingSide {
  readonly counters = new Counters();
  readonly log = new FakeLog();
  readonly wheel = new TimerWheel();
  readonly role: ProxyRole;

  constructor(config: ReturnType<typeof configOf>) {
    this.role = new ProxyRole({
      config,
      wheel: this.wheel,
      log: this.log,
      counters: this.counters,
      frontCounters: { zhttp: new SessionCounters(), zmq: new ZmqCounters() },
      originCounters: { zhttp: new SessionCounters(), zmq: new ZmqCounters() },
      routeStats: new RouteStatsTable(),
      observer: { current: null },
    });
    this.role.prepare();
  }

  /** Publishes items, given as GRIP's JSON has them, and waits for their delivery. */
  async publish(...items: readonly object[]): Promise<void> {
    this.role.hub.publish(items.map((item) => parsePublishItem(item)));
    for (let turns = 0; turns < 4; turns++) await turn();
  }
}

/** Two proxies of one process, between which clients move as they do between two processes. It ends with the test. */
export class MovingRig {
  readonly old: MovingSide;
  readonly next: MovingSide;
  readonly #t: TestContext;

  private constructor(t: TestContext, old: MovingSide, next: MovingSide) {
    this.#t = t;
    this.old = old;
    this.next = next;
  }

  /** @param routes as lines of a routes file @param nextRoutes of the one that clients move to. By default the same */
  static async start(
    t: TestContext,
    routes: readonly string[],
    { nextRoutes = routes, changes = {} }: { nextRoutes?: readonly string[]; changes?: Changes } = {},
  ): Promise<MovingRig> {
    const rig = new MovingRig(
      t,
      new MovingSide(configOf(routes, changes)),
      new MovingSide(configOf(nextRoutes, changes)),
    );
    for (const side of [rig.old, rig.next]) {
      await side.role.start();
      t.after(async () => {
        side.role.drain();
        await side.role.stop();
        side.wheel.stop();
      });
    }
    return rig;
  }

  /** A client of the old one. */
  connect(): Promise<RawClient> {
    return connectTo(this.#t, this.old.role.addresses[0] ?? assert.fail('not listening'));
  }

  /** Moves all connections that can move. Returns how many. */
  move(): number {
    return this.moveBetween(this.old, this.next);
  }

  /** Moves all connections of one that can move to the other. Returns how many. */
  moveBetween(from: MovingSide, to: MovingSide): number {
    let moved = 0;
    for (const connection of from.role.connections) if (moveOne(connection, to)) moved++;
    return moved;
  }
}

function moveOne(connection: Connection, to: MovingSide): boolean {
  const suspended = connection.suspend();
  if (suspended === null) return false;
  const state: ConnectionState = deserialize(serialize(suspended.state));
  const handle = takeHandle(connection);
  suspended.forget();
  to.role.adopt(handle, state);
  return true;
}

/** The handle of a connection's socket, which loses it: in one process there is but one. */
export function takeHandle(connection: Connection): SocketHandle {
  const { socket } = connection as unknown as { readonly socket: { _handle: SocketHandle | null } };
  const handle = socket._handle ?? assert.fail('closed');
  socket._handle = null;
  return handle;
}
