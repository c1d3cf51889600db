import { fieldDocs, flag } from './section-fields.ts';
import { endpointList, ipcFileMode } from './zhttp-fields.ts';
import { EDGE_STREAM_FORMS, formatEdgeEndpoints, parseEdgeEndpoints } from './zmq-endpoint.ts';

/** The keys of `[server]` about edges that are other programs. */
export const edgeFields = {
  zhttp: endpointList(EDGE_STREAM_FORMS, parseEdgeEndpoints, formatEdgeEndpoints)
    .prefault([])
    .register(fieldDocs, {
      doc: 'Endpoints of edges that are other programs, such as `holdfast condure` or Condure: what comes over ZeroMQ (ZHTTP) from there is served like the requests on `listen`. A base is what their `--zclient-stream` says. Read at the start only. See the [guide](../how-to/roles.md).',
      expected: `a list of ${EDGE_STREAM_FORMS}`,
    }),
  zhttp_bind: flag({ doc: 'Bind the endpoints of `zhttp`. Otherwise they are connected to, and the edges bind.' }),
  zhttp_ipc_file_mode: ipcFileMode(),
};
