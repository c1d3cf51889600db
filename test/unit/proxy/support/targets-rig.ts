import type { TestContext } from 'node:test';
import { TimerWheel } from '../../../../src/clock/index.ts';
import { formatHostPort } from '../../../../src/config/index.ts';
import { Counters, Holder, type Requester, type RequestHead, type Responder } from '../../../../src/exchange/index.ts';
import { Hub } from '../../../../src/hub/index.ts';
import {
  type ProxySettings,
  prepareRoutes,
  proxyService,
  RouteTable,
  type SessionState,
} from '../../../../src/proxy/index.ts';
import { FakeRequester } from '../../../support/exchange/fake-requester.ts';
import { requestHead } from '../../../support/exchange/request-head.ts';
import { FakeLog } from '../../../support/fake-log.ts';
import type { Changes } from '../../../support/running-app.ts';
import { configOf } from '../../../support/running-app.ts';
import { routeMeans } from './route-means.ts';

/** Plays every target; `target` is its `host:port`. */
export type TargetScript = (target: string, request: RequestHead, requester: Requester) => Responder;

/** Routes with `session` are refused without. The rig's own sessions take its place. */
const STATE: Changes = { publish: { state: ['ipc://state'] } };

/** A proxy whose clients and targets are both played by the test. */
export class TargetsRig {
  readonly counters = new Counters();
  readonly log = new FakeLog();
  readonly settings: Holder<ProxySettings>;
  readonly hub: Hub;
  /** For scripts: the targets that got a request, and the requester of the last one. */
  readonly asked: string[] = [];
  requester: Requester | null = null;
  /** Called with the responder when the client gets data; before there is one, with what stands for it. */
  onData: (responder: Responder) => void = () => {};
  readonly #script: TargetScript;
  readonly #service;

  /** @param sessions plays the service that keeps sessions */
  constructor(
    t: TestContext,
    routes: readonly string[],
    script: TargetScript,
    overrides: Changes = {},
    sessions: SessionState | null = null,
  ) {
    const wheel = new TimerWheel();
    t.after(() => wheel.stop());
    const { counters, log } = this;
    this.#script = script;
    this.settings = new Holder(this.settingsOf(routes, overrides));
    this.hub = new Hub({
      wheel,
      counters,
      log,
      limits: { current: configOf(routes, STATE).hub },
      patchBody: () => null,
    });
    this.#service = proxyService({ settings: this.settings, hub: this.hub, wheel, counters, log, sessions });
  }

  /** What these route lines come to. */
  settingsOf(routes: readonly string[], overrides: Changes = {}): ProxySettings {
    const config = configOf(routes, { ...STATE, ...overrides });
    const means = routeMeans({
      serviceOf: (target) => (request, requester) => this.#script(formatHostPort(target), request, requester),
    });
    return {
      routes: new RouteTable(prepareRoutes(config, means)),
      trust: null,
      rules: config.proxy,
      debug: false,
      shareAll: false,
    };
  }

  /** Sends a request; it is a GET without a body unless `head` says otherwise. */
  send(head: Partial<RequestHead> = {}): FakeRequester {
    const request = requestHead(head);
    const requester = new FakeRequester(request.credits);
    // As in a server, grants that come before there is a responder are for it all the same.
    const data = requester.onResponseData.bind(requester);
    let owed = 0;
    const early: Responder = {
      onRequestData: () => {},
      onRequestError: () => {},
      onResponseCredit: (bytes) => {
        owed += bytes;
      },
    };
    requester.onResponseData = (chunk, more) => {
      data(chunk, more);
      this.onData(requester.responder ?? early);
    };
    let current: Responder | null = null;
    Object.assign(requester, {
      handOver: (next: Responder) => {
        current = next;
        requester.responder = next;
      },
    });
    const responder = this.#service(request, requester);
    requester.responder = current ?? responder;
    if (owed > 0) responder.onResponseCredit(owed);
    return requester;
  }
}
