import type { ControlBackend } from './control-backend.ts';
import type { Operation } from './operation.ts';
import { statusOperations } from './status-operations.ts';

/** The operations that a program with these parts has. */
export function operationsOf(backend: ControlBackend): readonly Operation[] {
  return [...statusOperations(backend)];
}
