import { apiReference } from './api-reference.ts';
import type { ControlBackend } from './control-backend.ts';
import { documentOperation } from './document-operation.ts';
import { Gatekeeper } from './gatekeeper.ts';
import { LoginAttempts } from './login-attempts.ts';
import { openApiDocument } from './openapi-document.ts';
import type { Operation } from './operation.ts';
import { operationsOf } from './operations-of.ts';
import { sessionOperations } from './session-operations.ts';
import { Sessions } from './sessions.ts';

/** A backend that has every part. None is called. */
const WHOLE = new Proxy({}, { get: () => () => {} }) as unknown as ControlBackend;
const PARTS = new Proxy({}, { get: () => WHOLE }) as unknown as ControlBackend;

/** Every operation that a server can have, to be described. */
export function allOperations(): readonly Operation[] {
  const rules = { current: { verifyToken: null, users: [], fingerprint: '' } };
  const gate = new Gatekeeper(
    { rules, sessions: new Sessions(), attempts: new LoginAttempts(), hosts: () => [] },
    false,
  );
  const own = [...operationsOf(PARTS), ...sessionOperations(gate)];
  return [...own, documentOperation(own, '')];
}

/** The documents in docs/reference that describe the control API: `openapi.json` and `api.md`. @param version that of the program */
export function controlReference(version: string): { readonly 'openapi.json': string; readonly 'api.md': string } {
  const document = openApiDocument(allOperations(), version);
  return { 'openapi.json': `${JSON.stringify(document, null, 2)}\n`, 'api.md': apiReference(document) };
}
