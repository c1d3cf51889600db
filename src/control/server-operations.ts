import type { ControlBackend } from './control-backend.ts';
import { nodesSchema } from './node-schema.ts';
import { type Operation, operation } from './operation.ts';
import {
  configurationSchema,
  errorsSchema,
  handlersSchema,
  outboundSchema,
  reloadErrorsSchema,
  reloadedSchema,
  upgradeSchema,
} from './server-schema.ts';

/** What the server counts by reason, and what changes it as a whole. */
export function serverOperations(backend: ControlBackend): readonly Operation[] {
  return [...readingOperations(backend), ...changingOperations(backend)];
}

function readingOperations({ errors, handlers, outbound, nodes, configuration }: ControlBackend): readonly Operation[] {
  const list: Operation[] = [];
  if (errors !== undefined) {
    list.push(
      operation({
        id: 'listErrors',
        method: 'GET',
        path: '/errors',
        access: 'read',
        tag: 'status',
        summary: 'Lists the failures by their code, of all processes.',
        responses: { 200: { doc: 'The codes that occurred.', schema: errorsSchema } },
        handle: () => ({ status: 200, json: { errors: errors() } }),
      }),
    );
  }
  if (handlers !== undefined) {
    list.push(
      operation({
        id: 'listHandlers',
        method: 'GET',
        path: '/handlers',
        access: 'read',
        tag: 'status',
        summary: 'Lists the endpoints of the edge’s handlers.',
        responses: { 200: { doc: 'The endpoints.', schema: handlersSchema } },
        handle: () => ({ status: 200, json: { handlers: handlers() } }),
      }),
    );
  }
  if (outbound !== undefined) {
    list.push(
      operation({
        id: 'getOutbound',
        method: 'GET',
        path: '/outbound',
        access: 'read',
        tag: 'status',
        summary: 'Tells about outbound requests, and why some were denied.',
        responses: { 200: { doc: 'The requests.', schema: outboundSchema } },
        handle: () => ({ status: 200, json: outbound() }),
      }),
    );
  }
  if (nodes !== undefined) {
    list.push(
      operation({
        id: 'listNodes',
        method: 'GET',
        path: '/nodes',
        access: 'read',
        tag: 'status',
        summary: 'Lists the nodes of the cluster, as the node knows them that is asked.',
        responses: { 200: { doc: 'The nodes.', schema: nodesSchema } },
        handle: () => ({ status: 200, json: nodes() }),
      }),
    );
  }
  if (configuration !== undefined) {
    list.push(
      operation({
        id: 'getConfiguration',
        method: 'GET',
        path: '/configuration',
        access: 'admin',
        tag: 'configuration',
        summary: 'Shows the configuration in force, with a comment in the place of each secret.',
        responses: { 200: { doc: 'The configuration.', schema: configurationSchema } },
        handle: () => ({ status: 200, json: { toml: configuration() } }),
      }),
    );
  }
  return list;
}

function changingOperations({ reload, upgrade, drain }: ControlBackend): readonly Operation[] {
  const list: Operation[] = [];
  if (reload !== undefined) {
    list.push(
      operation({
        id: 'reload',
        method: 'POST',
        path: '/reload',
        access: 'admin',
        tag: 'configuration',
        summary: 'Reads the configuration again and puts it in force. A bad one changes nothing.',
        responses: {
          200: { doc: 'It is in force.', schema: reloadedSchema },
          422: { doc: 'It is not valid, and the old one stays in force.', schema: reloadErrorsSchema },
        },
        refusals: ['HF_CONTROL_CONFLICT'],
        handle: async () => {
          const report = await reload();
          return { status: 'errors' in report ? 422 : 200, json: report };
        },
      }),
    );
  }
  if (upgrade !== undefined) {
    list.push(
      operation({
        id: 'upgrade',
        method: 'POST',
        path: '/upgrade',
        access: 'admin',
        tag: 'life cycle',
        summary: 'Starts another process of the installed version, which takes over without dropping anybody.',
        responses: { 202: { doc: 'It has begun.', schema: upgradeSchema } },
        refusals: ['HF_CONTROL_CONFLICT'],
        handle: async () => ({ status: 202, json: { pid: await upgrade() } }),
      }),
    );
  }
  if (drain !== undefined) {
    list.push(
      operation({
        id: 'drain',
        method: 'POST',
        path: '/drain',
        access: 'admin',
        tag: 'life cycle',
        summary: 'Lets requests finish, says goodbye to held clients, and ends the process.',
        responses: { 202: { doc: 'It has begun.' } },
        handle: () => {
          drain();
          return { status: 202 };
        },
      }),
    );
  }
  return list;
}
