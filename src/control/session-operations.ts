import type { Caller } from './caller.ts';
import type { Gatekeeper } from './gatekeeper.ts';
import { type Answer, type Operation, operation } from './operation.ts';
import { sessionField } from './session-cookie.ts';
import { loginBody, mightiest, type Session, sessionSchema } from './session-schema.ts';

/** Logging in and out, for pages in a browser: its EventSource sends no `Authorization`. */
export function sessionOperations(gate: Gatekeeper): readonly Operation[] {
  const session = (caller: Caller): Session => ({
    name: caller.name,
    role: mightiest(caller.roles),
    roles: [...caller.roles],
    accepts: [...gate.accepted],
  });
  const common = { path: '/session', access: 'open', identifies: true, tag: 'session' } as const;
  return [
    operation({
      ...common,
      id: 'getSession',
      method: 'GET',
      summary: 'Tells who the caller is, and how one can log in.',
      responses: { 200: { doc: 'The caller.', schema: sessionSchema } },
      handle: ({ caller }) => ({ status: 200, json: session(caller) }),
    }),
    operation({
      ...common,
      identifies: false,
      id: 'login',
      method: 'POST',
      summary: 'Logs in: with a token, or a name and a password. The session is in a cookie.',
      body: loginBody,
      responses: {
        200: { doc: 'The caller. `Set-Cookie` has the session.', schema: sessionSchema },
      },
      refusals: ['HF_CONTROL_CREDENTIALS', 'HF_LOGIN_RATE'],
      handle: async ({ body, request }): Promise<Answer> => {
        const { caller, token } = await gate.login(request, body);
        return { status: 200, json: session(caller), headers: sessionField(request, token) };
      },
    }),
    operation({
      ...common,
      id: 'logout',
      method: 'DELETE',
      summary: 'Ends the session.',
      responses: { 204: { doc: 'There is none any more.' } },
      handle: ({ request }) => {
        gate.logout(request);
        return { status: 204, headers: sessionField(request, '') };
      },
    }),
  ];
}
