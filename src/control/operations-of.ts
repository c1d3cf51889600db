import { channelOperations } from './channel-operations.ts';
import { connectionOperations } from './connection-operations.ts';
import type { ControlBackend } from './control-backend.ts';
import type { Operation } from './operation.ts';
import { routeOperations } from './route-operations.ts';
import { serverOperations } from './server-operations.ts';
import { statusOperations } from './status-operations.ts';

/** The operations that a program with these parts has. */
export function operationsOf(backend: ControlBackend): readonly Operation[] {
  const { channels, connections } = backend;
  return [
    ...statusOperations(backend),
    ...(channels === undefined ? [] : channelOperations(channels)),
    ...(connections === undefined ? [] : connectionOperations(connections)),
    ...routeOperations(backend),
    ...serverOperations(backend),
  ];
}
