import { channelOperations } from './channel-operations.ts';
import type { ControlBackend } from './control-backend.ts';
import type { Operation } from './operation.ts';
import { routeOperations } from './route-operations.ts';
import { serverOperations } from './server-operations.ts';
import { statusOperations } from './status-operations.ts';

/** The operations that a program with these parts has. */
export function operationsOf(backend: ControlBackend): readonly Operation[] {
  const { channels } = backend;
  return [
    ...statusOperations(backend),
    ...(channels === undefined ? [] : channelOperations(channels)),
    ...routeOperations(backend),
    ...serverOperations(backend),
  ];
}
