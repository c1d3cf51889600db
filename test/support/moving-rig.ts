import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { deserialize, serialize } from 'node:v8';
import { Certificates } from '../../src/app/certificates.ts';
import { ProxyRole } from '../../src/app/proxy-role.ts';
import { TimerWheel } from '../../src/clock/index.ts';
import { parsePublishItem } from '../../src/codec/grip/index.ts';
import type { Config, Route } from '../../src/config/index.ts';
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

  constructor(config: Config) {
    this.role = new ProxyRole({
      config,
      wheel: this.wheel,
      log: this.log,
      counters: this.counters,
      frontCounters: { zhttp: new SessionCounters(), zmq: new ZmqCounters() },
      originCounters: { zhttp: new SessionCounters(), zmq: new ZmqCounters() },
      certificates: new Certificates(),
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

/** What a test wants of the two. */
export interface MovingChanges {
  /** Routes of the one that clients move to. By default the same. */
  readonly nextRoutes?: readonly string[];
  readonly changes?: Changes;
  /** What tokens all routes ask for. By default none. */
  readonly jwt?: Route['jwt'];
}

function withToken(config: Config, jwt: Route['jwt']): Config {
  return jwt === null ? config : { ...config, routes: config.routes.map((route) => ({ ...route, jwt })) };
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

  /** @param routes as lines of a routes file */
  static async start(
    t: TestContext,
    routes: readonly string[],
    { nextRoutes = routes, changes = {}, jwt = null }: MovingChanges = {},
  ): Promise<MovingRig> {
    const rig = new MovingRig(
      t,
      new MovingSide(withToken(configOf(routes, changes), jwt)),
      new MovingSide(withToken(configOf(nextRoutes, changes), jwt)),
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
