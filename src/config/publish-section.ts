import { bytes, count, fieldDocs, flag } from './section-fields.ts';
import { endpointList, ipcFileMode } from './zhttp-fields.ts';
import { ENDPOINT_FORMS, parseZmqEndpoint } from './zmq-endpoint.ts';

const endpoints = (doc: string) =>
  endpointList(ENDPOINT_FORMS, parseZmqEndpoint, (endpoint) => endpoint)
    .prefault([])
    .register(fieldDocs, { doc, expected: `a list of ${ENDPOINT_FORMS}` });

/** The `[publish]` section: its keys, and what they are for. */
export const publishSection = {
  doc: 'Publishing over ZeroMQ, with the sockets that Pushpin has. There is no authentication, so let only trusted programs reach them. Nothing is opened if the proxy does not listen.',
  shape: {
    pull: endpoints('Endpoints that publishers with PUSH sockets connect to, such as "tcp://127.0.0.1:5560".'),
    sub: endpoints(
      'Endpoints for publishers with PUB sockets, such as "tcp://127.0.0.1:5562". They are asked for the channels that have subscribers.',
    ),
    sub_connect: flag({ doc: 'Connect to the endpoints of `sub`. Otherwise they are bound, and publishers connect.' }),
    command: endpoints('Endpoints for commands (REQ sockets), such as "tcp://127.0.0.1:5563".'),
    state: endpoints(
      'Endpoints that a session state service (REP sockets) connects to, such as "ipc:///run/holdfast/state". Only routes with `session` use it.',
    ),
    request_rate: count({
      default: 0,
      from: 1,
      to: 10_000_000,
      zero: 'for no limit',
      doc: 'Maximum number of messages a second with items, of all publishers together; a `publish` command is one. As many may come at once after a pause. Then the sockets are not read for a while, so that publishers wait.',
    }),
    ipc_file_mode: ipcFileMode(),
    max_message_bytes: bytes({
      default: 1_048_576,
      from: 1024,
      to: 1_073_741_824,
      doc: 'Maximum size of a message. A publisher that sends a larger one is disconnected.',
    }),
  },
};
