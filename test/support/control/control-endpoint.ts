import {
  type AccessRules,
  type Caller,
  ControlApi,
  type ControlBackend,
  operationsOf,
  pageService,
  publishService,
  Sessions,
} from '../../../src/control/index.ts';
import {
  ControlCounters,
  Holder,
  NO_RESPONDER,
  OriginCounters,
  type RequestHead,
  type Responder,
  respond,
  textResponse,
  WINDOW,
} from '../../../src/exchange/index.ts';
import { FakeRequester } from '../exchange/fake-requester.ts';
import { requestHead } from '../exchange/request-head.ts';
import { FakeLog } from '../fake-log.ts';
import { sampleStatus } from './sample-status.ts';

/** Rules without credentials. */
export const OPEN_RULES: AccessRules = { verifyToken: null, users: [], fingerprint: 'open' };

/** Rules with these users, given as `NAME:PASSWORD` with their roles. */
export function rulesWith(users: Readonly<Record<string, Caller['roles']>>, fingerprint = 'users'): AccessRules {
  return {
    verifyToken: null,
    users: Object.entries(users).map(([credentials, roles]) => ({
      credentials: Buffer.from(credentials),
      caller: {
        name: credentials.slice(0, credentials.indexOf(':')),
        roles,
        expires: Number.POSITIVE_INFINITY,
        grantedBy: fingerprint,
      },
    })),
    fingerprint,
  };
}

/** The field that shows a name and a password. */
export function basic(credentials: string): string[] {
  return ['Authorization', `Basic ${Buffer.from(credentials).toString('base64')}`];
}

/** The control API without sockets. */
export class ControlEndpoint {
  readonly counters = new ControlCounters();
  readonly log = new FakeLog();
  readonly rules: Holder<AccessRules>;
  readonly api: ControlApi;
  readonly #services;

  constructor(backend: Partial<ControlBackend> = {}, rules = OPEN_RULES) {
    this.rules = new Holder(rules);
    const { counters, log } = this;
    const settings = { current: { maxBodyBytes: 100_000, hosts: [], origins: [], requestRate: 0 } };
    this.api = new ControlApi({
      operations: operationsOf({ life: () => 'ready', status: sampleStatus, ...backend }),
      version: '1.0.0',
      publish: publishService(null, { counters, log, settings }),
      pages: pageService(
        (_request, requester) => {
          respond(requester, textResponse(200, 'a page', ['Content-Type', 'text/html']));
          return NO_RESPONDER;
        },
        new Set(),
        new OriginCounters(),
      ),
      rules: this.rules,
      settings,
      sessions: new Sessions(),
      counters,
      log,
    });
    this.#services = { tcp: this.api.service(false), unix: this.api.service(true) };
  }

  /** Begins a request, over the unix socket unless `head` has a peer with an address. */
  begin(head: Partial<RequestHead>, credits = WINDOW): { requester: FakeRequester; responder: Responder } {
    const requester = new FakeRequester(credits);
    const peer = head.peer ?? { address: '', port: 0 };
    const request = requestHead({ authority: 'localhost', headers: [], credits, ...head, peer });
    const service = peer.address === '' ? this.#services.unix : this.#services.tcp;
    const responder = service(request, requester);
    requester.responder = responder;
    return { requester, responder };
  }

  /** A request over TCP, whole. */
  async tcp(method: string, target: string, headers: string[] = [], body?: string): Promise<Reply> {
    return this.#send({ peer: { address: '192.0.2.1', port: 1 } }, method, target, headers, body);
  }

  /** A request over the unix socket, whole. */
  async unix(method: string, target: string, headers: string[] = [], body?: string): Promise<Reply> {
    return this.#send({}, method, target, headers, body);
  }

  async #send(
    head: Partial<RequestHead>,
    method: string,
    target: string,
    headers: string[],
    body = '',
  ): Promise<Reply> {
    const type = body === '' || headers.includes('Content-Type') ? [] : ['Content-Type', 'application/json'];
    const all = [...headers, ...type];
    const { requester } = this.begin({ ...head, method, target, headers: all, bodyLength: Buffer.byteLength(body) });
    if (body !== '') {
      await requester.until(() => requester.requestCredit > 0 || requester.end !== null);
      const bytes = Buffer.from(body);
      for (let at = 0; at < bytes.length && requester.end === null; ) {
        const length = Math.min(requester.requestCredit, bytes.length - at);
        requester.send(bytes.subarray(at, at + length), at + length < bytes.length);
        at += length;
      }
    }
    const { status, headers: fields } = await requester.completed();
    const text = Buffer.concat(requester.chunks).toString();
    return { status, headers: fields, text, json: text.startsWith('{') ? JSON.parse(text) : null };
  }
}

/** A whole response. */
export interface Reply {
  readonly status: number;
  readonly headers: readonly string[];
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: what JSON holds is for each test to say
  readonly json: any;
}
