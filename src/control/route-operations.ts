import type { ControlBackend, RoutesBackend } from './control-backend.ts';
import { type Operation, operation } from './operation.ts';
import { OperationError } from './operation-error.ts';
import {
  certificateBody,
  certificatesSchema,
  keepQuery,
  keyBody,
  keysSchema,
  routeBody,
  routesSchema,
} from './route-schema.ts';

const named = (what: string) => ({ name: `name of the ${what}` });

/** Routes, certificates and keys, which can be changed one at a time. */
export function routeOperations({ routes, certificates, keys }: ControlBackend): readonly Operation[] {
  const list: Operation[] = [];
  if (routes !== undefined) list.push(...ofRoutes(routes));
  if (certificates !== undefined) {
    list.push(
      operation({
        id: 'listCertificates',
        method: 'GET',
        path: '/certificates',
        access: 'read',
        tag: 'certificates',
        summary: 'Lists the certificates of the listeners. It never shows their private keys.',
        responses: { 200: { doc: 'The certificates.', schema: certificatesSchema } },
        handle: async () => ({ status: 200, json: { certificates: await certificates.list() } }),
      }),
      operation({
        id: 'putCertificate',
        method: 'PUT',
        path: '/certificates/{name}',
        access: 'admin',
        tag: 'certificates',
        summary: 'Sets the certificate of a name. Connections that are open keep theirs.',
        params: named('certificate: a host, or `_.example.com` for each host one level below'),
        query: keepQuery,
        body: certificateBody,
        responses: { 204: { doc: 'It is in use.' } },
        refusals: ['HF_CONTROL_CONFLICT'],
        handle: async ({ params: { name = '' }, body, query }) => {
          await certificates.put(name, body, query.keep === 'true');
          return { status: 204 };
        },
      }),
      removal('certificate', 'deleteCertificate', '/certificates/{name}', 'name', (name, keep) =>
        certificates.delete(name, keep),
      ),
    );
  }
  if (keys !== undefined) {
    list.push(
      operation({
        id: 'listKeys',
        method: 'GET',
        path: '/keys',
        access: 'read',
        tag: 'keys',
        summary: 'Lists the names of keys. It never shows the keys.',
        responses: { 200: { doc: 'The names.', schema: keysSchema } },
        handle: async () => ({ status: 200, json: { keys: await keys.list() } }),
      }),
      operation({
        id: 'putKey',
        method: 'PUT',
        path: '/keys/{name}',
        access: 'admin',
        tag: 'keys',
        summary: 'Sets a key.',
        params: named('key'),
        query: keepQuery,
        body: keyBody,
        responses: { 204: { doc: 'It is in use.' } },
        refusals: ['HF_CONTROL_CONFLICT'],
        handle: async ({ params: { name = '' }, body, query }) => {
          await keys.put(name, body.key, query.keep === 'true');
          return { status: 204 };
        },
      }),
      removal('key', 'deleteKey', '/keys/{name}', 'name', (name, keep) => keys.delete(name, keep)),
    );
  }
  return list;
}

function ofRoutes(routes: RoutesBackend): readonly Operation[] {
  const { put } = routes;
  const list: Operation[] = [
    operation({
      id: 'listRoutes',
      method: 'GET',
      path: '/routes',
      access: 'read',
      tag: 'routes',
      summary: 'Lists the routes, with the state of their targets and what was counted.',
      responses: { 200: { doc: 'The routes.', schema: routesSchema } },
      handle: async () => ({ status: 200, json: { routes: await routes.list() } }),
    }),
  ];
  if (put !== undefined) {
    list.push(
      operation({
        id: 'putRoute',
        method: 'PUT',
        path: '/routes/{id}',
        access: 'admin',
        tag: 'routes',
        summary: 'Replaces the route with this id, or adds one. Requests that run keep the old one.',
        params: { id: 'id of the route' },
        query: keepQuery,
        body: routeBody,
        responses: { 204: { doc: 'It is in force.' } },
        refusals: ['HF_CONTROL_CONFLICT'],
        handle: async ({ params: { id = '' }, body, query }) => {
          await put.call(routes, id, body.line, query.keep === 'true');
          return { status: 204 };
        },
      }),
    );
  }
  if (routes.delete !== undefined) {
    list.push(
      removal(
        'route',
        'deleteRoute',
        '/routes/{id}',
        'id',
        async (id, keep) => (await routes.delete?.(id, keep)) === true,
      ),
    );
  }
  return list;
}

function removal(
  what: 'route' | 'certificate' | 'key',
  id: string,
  path: string,
  param: string,
  remove: (name: string, keep: boolean) => Promise<boolean>,
): Operation {
  return operation({
    id,
    method: 'DELETE',
    path,
    access: 'admin',
    tag: `${what}s`,
    summary: `Removes a ${what}.`,
    params: { [param]: `${param} of the ${what}` },
    query: keepQuery,
    responses: { 204: { doc: 'It is gone.' } },
    refusals: ['HF_CONTROL_NOT_FOUND', 'HF_CONTROL_CONFLICT'],
    handle: async ({ params, query }) => {
      const found = await remove(params[param] ?? '', query.keep === 'true');
      if (!found) throw new OperationError('HF_CONTROL_NOT_FOUND', `there is no ${what} of this ${param}`);
      return { status: 204 };
    },
  });
}
