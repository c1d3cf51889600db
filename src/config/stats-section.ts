import { z } from 'zod';
import { formatListenAddress, LISTEN_FORMS, parseListenAddress } from './listen-address.ts';
import { choice, complaint, fieldDocs, flag, seconds, text, textCodec } from './section-fields.ts';
import { endpointList, ipcFileMode } from './zhttp-fields.ts';
import { ENDPOINT_FORMS, parseZmqEndpoint } from './zmq-endpoint.ts';

const format = choice(['tnetstring', 'json']);

const endpoints = () => endpointList(ENDPOINT_FORMS, parseZmqEndpoint, (endpoint) => endpoint).prefault([]);

/** The `[stats]` section: its keys, and what they are for. */
export const statsSection = {
  doc: 'Statistics as Pushpin has them. The metrics of Holdfast itself are at `/metrics` of the control port.',
  shape: {
    prometheus: z
      .array(textCodec(LISTEN_FORMS, parseListenAddress, formatListenAddress), {
        error: complaint('a list of listen addresses'),
      })
      .prefault([])
      .register(fieldDocs, {
        doc: "Addresses at which Prometheus gets the metrics of Pushpin's `prometheus_port`, under any path.",
        expected: `a list of ${LISTEN_FORMS}`,
      }),
    prometheus_prefix: text({
      expected: 'letters, digits and underscores, not beginning with a digit',
      fits: (value) => /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(value),
      doc: 'Text in front of the names of these metrics.',
    }),
    pub: endpoints().register(fieldDocs, {
      doc: 'Endpoints of a PUB socket for stats packets, such as "ipc:///run/holdfast-stats". Packets are made only while somebody subscribes.',
      expected: `a list of ${ENDPOINT_FORMS}`,
    }),
    ipc_file_mode: ipcFileMode(),
    format: format.schema.default('tnetstring').register(fieldDocs, {
      doc: 'How these packets are written.',
      expected: format.expected,
    }),
    connection_send: flag({ default: true, doc: 'Send `conn` packets for held clients.' }),
    connection_ttl: seconds({
      default: 120,
      from: 1,
      to: 86_400,
      doc: 'Time for which a `conn` packet holds. It is sent again after three quarters of it.',
    }),
    subscription_ttl: seconds({ default: 60, from: 1, to: 86_400, doc: 'The same for `sub` packets.' }),
    connections_max_ttl: seconds({
      default: 60,
      from: 1,
      to: 86_400,
      doc: 'Time for which a `conn-max` packet holds.',
    }),
    report_interval: seconds({ default: 10, from: 1, to: 86_400, doc: 'Time between two `report` packets.' }),
  },
};
