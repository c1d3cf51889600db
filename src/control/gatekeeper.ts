import { fieldValues } from '../codec/fields/index.ts';
import type { Current, HeaderList, RequestHead } from '../exchange/index.ts';
import { type AccessRules, hasCredentials } from './access-rules.ts';
import { type Caller, hasRole, NOBODY, SOCKET_OWNER } from './caller.ts';
import { knownUser } from './known-user.ts';
import type { Access } from './operation.ts';

/** Decides who calls, and what for. One stands for the listeners of one kind. */
export class Gatekeeper {
  readonly #rules: Current<AccessRules>;
  readonly #isSocket: boolean;

  /** @param isSocket whether file permissions decide who reaches it: then everybody who does may do everything */
  constructor(rules: Current<AccessRules>, isSocket: boolean) {
    this.#rules = rules;
    this.#isSocket = isSocket;
  }

  /** Whose request this is: `NOBODY` without credentials, null with wrong ones. */
  callerOf({ headers }: RequestHead): Caller | null | Promise<Caller | null> {
    if (this.#isSocket) return SOCKET_OWNER;
    const { verifyToken, users } = this.#rules.current;
    const [authorization, ...more] = fieldValues(headers, 'authorization');
    if (authorization === undefined) return NOBODY;
    const [, scheme = '', credentials = ''] = /^([a-z]+) +([^ ]+)$/i.exec(authorization) ?? [];
    if (more.length > 0) return null;
    switch (scheme.toLowerCase()) {
      case 'basic':
        return knownUser(Buffer.from(credentials, 'base64'), users);
      case 'bearer':
        return verifyToken === null ? null : verifyToken(credentials);
      default:
        return null;
    }
  }

  /** Whether anybody may use it, so that credentials need not be looked at. */
  isFree(access: Access): boolean {
    if (access === 'open' || this.#isSocket) return true;
    return (access === 'publish' || access === 'counters') && !hasCredentials(this.#rules.current);
  }

  /** Why a caller may not use it: 401 without credentials, 403 with those of another role. Null if it may. */
  refusal(access: Access, caller: Caller | null): 'HF_CONTROL_CREDENTIALS' | 'HF_CONTROL_ROLE' | null {
    if (this.isFree(access)) return null;
    if (caller === null || caller === NOBODY) return 'HF_CONTROL_CREDENTIALS';
    return isAllowed(access, caller) ? null : 'HF_CONTROL_ROLE';
  }

  /** What tells a client which credentials it needs (RFC 9110 §11.6.1). */
  challenges({ headers }: RequestHead): HeaderList {
    const { verifyToken, users } = this.#rules.current;
    const list: string[] = [];
    if (verifyToken !== null) list.push('WWW-Authenticate', 'Bearer');
    // A browser would ask for a password by itself, in front of the page that asks for it too.
    const isPage = fieldValues(headers, 'sec-fetch-site').length > 0;
    if (users.length > 0 && !isPage) list.push('WWW-Authenticate', 'Basic realm="holdfast", charset="UTF-8"');
    return list.length > 0 ? list : ['WWW-Authenticate', 'Session'];
  }
}

function isAllowed(access: Access, caller: Caller): boolean {
  switch (access) {
    case 'publish':
      return hasRole(caller, 'publish');
    case 'counters':
      return caller.roles.size > 0;
    case 'read':
    case 'content':
      return hasRole(caller, 'read');
    default:
      return hasRole(caller, 'admin');
  }
}
