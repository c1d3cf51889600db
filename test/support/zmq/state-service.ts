import {
  decode,
  encode,
  type TnetstringInput,
  type TnetstringMap,
  type TnetstringValue,
} from '../../../src/codec/tnetstring/index.ts';

interface Rule {
  readonly domain: string;
  readonly path: string;
  readonly given: TnetstringMap;
}

/** A session state service as GRIP's sample of one: it keeps rules and last ids, and responds to requests for them. */
export class StateService {
  /** Methods that were called, with their arguments as JSON. */
  readonly calls: string[] = [];
  readonly sessions = new Map<string, Map<string, string>>();
  readonly #rules: Rule[] = [];

  /** The reply to a request. */
  reply(request: Buffer): Buffer {
    const { id, method, args } = decode(request) as TnetstringMap;
    const name = String(method);
    this.calls.push(
      `${name} ${JSON.stringify(args, (_, value) => (value?.type === 'Buffer' ? String(Buffer.from(value.data)) : value))}`,
    );
    const value = this.#perform(name, args as TnetstringMap);
    if (value === undefined) return encode({ id: id as Buffer, success: false, condition: 'item-not-found' });
    return encode({ id: id as Buffer, success: true, value });
  }

  #perform(method: string, args: TnetstringMap): TnetstringInput | undefined {
    switch (method) {
      case 'session-detect-rules-set':
        for (const given of args.rules as TnetstringMap[]) {
          this.#rules.push({ domain: String(given.domain), path: String(given['path-prefix']), given });
        }
        return null;
      case 'session-detect-rules-get':
        return this.#rules
          .filter(({ domain, path }) => domain === String(args.domain) && String(args.path).startsWith(path))
          .map(({ given }) => given as TnetstringInput);
      case 'session-create-or-update':
        this.#update(String(args.sid), args['last-ids'] as TnetstringMap);
        return null;
      case 'session-update-many':
        for (const [sid, lastIds] of Object.entries(args['sid-last-ids'] as TnetstringMap)) {
          this.#update(sid, lastIds as TnetstringMap);
        }
        return null;
      case 'session-get-last-ids': {
        const session = this.sessions.get(String(args.sid));
        return session === undefined ? undefined : Object.fromEntries(session);
      }
      default:
        throw new Error(`unknown method ${method}`);
    }
  }

  #update(sid: string, lastIds: TnetstringMap): void {
    const session = this.sessions.get(sid) ?? new Map<string, string>();
    this.sessions.set(sid, session);
    for (const [channel, id] of Object.entries(lastIds) as [string, TnetstringValue][])
      session.set(channel, String(id));
  }
}
