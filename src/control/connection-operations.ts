import {
  connectionDetailsSchema,
  connectionPageSchema,
  connectionsQuery,
  disconnectedSchema,
} from './connection-schema.ts';
import type { ConnectionsBackend } from './control-backend.ts';
import { notFound } from './not-found.ts';
import { type Operation, operation } from './operation.ts';
import { scopeQuery } from './scope-schema.ts';

const ABSENT = 'there is no connection of this id';

const params = { id: 'its id, as the log has it' };

/** The connections of clients of the proxy. */
export function connectionOperations(connections: ConnectionsBackend): readonly Operation[] {
  return [
    operation({
      id: 'listConnections',
      method: 'GET',
      path: '/connections',
      access: 'read',
      tag: 'connections',
      summary: 'Lists the clients that are held, in the order of their ids as texts.',
      query: connectionsQuery,
      responses: { 200: { doc: 'The connections.', schema: connectionPageSchema } },
      handle: async ({ query }) => ({ status: 200, json: await connections.list(query) }),
    }),
    operation({
      id: 'getConnection',
      method: 'GET',
      path: '/connections/{id}',
      access: 'read',
      tag: 'connections',
      summary: 'Tells about the connection of a client, whether it is held or not.',
      params,
      query: scopeQuery,
      responses: { 200: { doc: 'The connection.', schema: connectionDetailsSchema } },
      refusals: ['HF_CONTROL_NOT_FOUND'],
      handle: async ({ params: { id = '' }, query: { scope } }) => {
        const { value, missing } = await connections.get(id, scope);
        if (value === null) throw notFound(ABSENT, missing);
        return { status: 200, json: value };
      },
    }),
    operation({
      id: 'closeConnection',
      method: 'DELETE',
      path: '/connections/{id}',
      access: 'admin',
      tag: 'connections',
      summary:
        'Closes the connection of a client. A held stream ends, a held request gets the response that the origin gave for its timeout, a WebSocket is closed with the code 1008. Anything else is cut.',
      params,
      query: scopeQuery,
      responses: { 204: { doc: 'It is closed.' } },
      refusals: ['HF_CONTROL_NOT_FOUND', 'HF_CONTROL_CONFLICT'],
      handle: async ({ params: { id = '' }, query: { scope } }) => {
        const { value, missing } = await connections.close(id, scope);
        if (value === null) throw notFound(ABSENT, missing);
        return { status: 204 };
      },
    }),
    operation({
      id: 'disconnectUser',
      method: 'POST',
      path: '/users/{user}/disconnect',
      access: 'admin',
      tag: 'connections',
      summary: 'Closes all connections of a user that are held, as `DELETE /connections/{id}` does.',
      params: { user: 'name of the user, percent-encoded' },
      query: scopeQuery,
      responses: { 200: { doc: 'They are closed.', schema: disconnectedSchema } },
      refusals: ['HF_CONTROL_CONFLICT'],
      handle: async ({ params: { user = '' }, query: { scope } }) => ({
        status: 200,
        json: await connections.disconnect(user, scope),
      }),
    }),
  ];
}
