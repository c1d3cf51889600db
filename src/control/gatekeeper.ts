import { fieldValues } from '../codec/fields/index.ts';
import type { Current, ErrorCode, HeaderList, RequestHead } from '../exchange/index.ts';
import { type AccessRules, hasCredentials, isCurrent } from './access-rules.ts';
import { type Caller, GUESSER, hasRole, NOBODY, SOCKET_OWNER } from './caller.ts';
import { knownUser } from './known-user.ts';
import type { LoginAttempts } from './login-attempts.ts';
import type { Access } from './operation.ts';
import { OperationError } from './operation-error.ts';
import { refusedSource } from './refused-source.ts';
import { sessionToken } from './session-cookie.ts';
import type { Login } from './session-schema.ts';
import type { Sessions } from './sessions.ts';

/** What a gatekeeper decides with. */
export interface GatekeeperOptions {
  readonly rules: Current<AccessRules>;
  readonly sessions: Sessions;
  readonly attempts: LoginAttempts;
  /** Names, in lower case, under which the control port may be addressed. */
  readonly hosts: () => readonly string[];
}

/** Decides who calls, and what for. One stands for the listeners of one kind. */
export class Gatekeeper {
  readonly #options: GatekeeperOptions;
  readonly #isSocket: boolean;

  /** @param isSocket whether file permissions decide who reaches it: then everybody who does may do everything */
  constructor(options: GatekeeperOptions, isSocket: boolean) {
    this.#options = options;
    this.#isSocket = isSocket;
  }

  /** Whose request this is: `NOBODY` without credentials, null with wrong ones. */
  callerOf(request: RequestHead): Caller | null | Promise<Caller | null> {
    if (this.#isSocket) return SOCKET_OWNER;
    const [authorization, ...more] = fieldValues(request.headers, 'authorization');
    if (authorization === undefined) return this.#ofSession(request);
    const [, scheme = '', credentials = ''] = /^([a-z]+) +([^ ]+)$/i.exec(authorization) ?? [];
    if (more.length > 0) return null;
    switch (scheme.toLowerCase()) {
      case 'basic':
        return this.#ofPassword(request, Buffer.from(credentials, 'base64'));
      case 'bearer':
        return this.#ofToken(credentials);
      default:
        return null;
    }
  }

  /** Whether anybody may use it, so that credentials need not be looked at. */
  isFree(access: Access): boolean {
    if (access === 'open' || this.#isSocket) return true;
    return (access === 'publish' || access === 'counters') && !hasCredentials(this.#options.rules.current);
  }

  /** Why a caller may not use it: 401 without credentials, 403 with those of another role. Null if it may. */
  refusal(access: Access, caller: Caller | null): ErrorCode | null {
    if (this.isFree(access)) return null;
    if (caller === GUESSER) return 'HF_LOGIN_RATE';
    if (caller === null || caller === NOBODY) return 'HF_CONTROL_CREDENTIALS';
    return isAllowed(access, caller) ? null : 'HF_CONTROL_ROLE';
  }

  /** What tells a client which credentials it needs (RFC 9110 §11.6.1). */
  challenges({ headers }: RequestHead): HeaderList {
    const { verifyToken, users } = this.#options.rules.current;
    const list: string[] = [];
    if (verifyToken !== null) list.push('WWW-Authenticate', 'Bearer');
    // A browser would ask for a password by itself, in front of the page that asks for it too.
    const isPage = fieldValues(headers, 'sec-fetch-site').length > 0;
    if (users.length > 0 && !isPage) list.push('WWW-Authenticate', 'Basic realm="holdfast", charset="UTF-8"');
    return list.length > 0 ? list : ['WWW-Authenticate', 'Session'];
  }

  /** What one can log in with. */
  get accepted(): readonly ('token' | 'password')[] {
    const { verifyToken, users } = this.#options.rules.current;
    return [
      ...(verifyToken === null ? [] : (['token'] as const)),
      ...(users.length === 0 ? [] : (['password'] as const)),
    ];
  }

  /**
   * Opens a session.
   * @throws OperationError for wrong credentials, and after too many wrong ones
   */
  async login(request: RequestHead, login: Login): Promise<{ readonly caller: Caller; readonly token: string }> {
    const caller =
      'token' in login
        ? await this.#ofToken(login.token)
        : this.#ofPassword(request, Buffer.from(`${login.name}:${login.password}`));
    if (caller === GUESSER) throw new OperationError('HF_LOGIN_RATE', '', ['Retry-After', '5']);
    // Without a challenge: a browser would ask for a password by itself.
    if (caller === null) throw new OperationError('HF_CONTROL_CREDENTIALS', '', ['WWW-Authenticate', 'Session']);
    return { caller, token: this.#options.sessions.open(caller) };
  }

  logout(request: RequestHead): void {
    const token = sessionToken(request);
    if (token !== null) this.#options.sessions.close(token);
  }

  async #ofToken(token: string): Promise<Caller | null> {
    const { verifyToken } = this.#options.rules.current;
    return verifyToken === null ? null : verifyToken(token);
  }

  #ofPassword({ peer }: RequestHead, credentials: Buffer): Caller | null {
    const { attempts, rules } = this.#options;
    if (attempts.wait(peer.address, credentials) > 0) return GUESSER;
    const caller = knownUser(credentials, rules.current.users);
    if (caller === null) attempts.failed(peer.address);
    else attempts.succeeded(peer.address, credentials);
    return caller;
  }

  /** A browser sends the cookie by itself, so it counts only for pages of this server. */
  #ofSession(request: RequestHead): Caller {
    const token = sessionToken(request);
    if (token === null) return NOBODY;
    const { rules, sessions, hosts } = this.#options;
    const caller = sessions.find(token);
    if (caller === null || !isCurrent(caller, rules.current) || !isOwnPage(request, hosts())) return NOBODY;
    return caller;
  }
}

/** Whether a browser says that the page behind a request is from here. One that says nothing may only read. */
function isOwnPage(request: RequestHead, hosts: readonly string[]): boolean {
  const { method, headers } = request;
  if (refusedSource(request, hosts) !== null) return false;
  if (method === 'GET' || method === 'HEAD') return true;
  return fieldValues(headers, 'origin').length + fieldValues(headers, 'sec-fetch-site').length > 0;
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
