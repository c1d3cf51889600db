import { z } from 'zod';
import { complaint, fieldDocs, flag, plainText, quantity, text } from './section-fields.ts';

const HEADERS = 'a list of "NAME: VALUE"';

/** The `[trace]` section: its keys, and what they are for. */
export const traceSection = {
  doc: 'Traces (W3C Trace Context). Without this section `traceparent` and `tracestate` pass as any other field. See the [guide](../how-to/traces.md).',
  shape: {
    propagate: flag({
      doc: 'Give each request without a valid `traceparent` one, so that origins and handlers can tell which of their requests belong together. Implied by `otlp`.',
    }),
    otlp: text({
      expected: 'a URL such as "http://127.0.0.1:4318"',
      fits: isCollector,
      doc: 'Send a span for each exchange to this OpenTelemetry collector (OTLP over HTTP, in JSON), to the path `/v1/traces` unless the URL has a path. If empty, there are no spans.',
    }),
    headers: z
      .array(
        z
          .string({ error: () => HEADERS })
          .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+: *[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/, {
            error: () => `expected ${HEADERS}`,
          }),
        { error: complaint(HEADERS) },
      )
      .default([])
      .register(fieldDocs, {
        doc: 'Header fields of requests to the collector, such as "Authorization: Bearer …".',
        expected: HEADERS,
        secret: true,
      }),
    sample: quantity({
      default: 0.1,
      from: 0,
      to: 1,
      doc: 'Share of the traces that begin here and are recorded. Others are recorded if the `traceparent` of the client says so.',
    }),
    accept: flag({
      default: true,
      doc: 'Let requests with a valid `traceparent` stay in their trace. If false, each request begins a trace: clients cannot decide what is recorded.',
    }),
    service_name: plainText({ default: 'holdfast', doc: 'Name of this service in traces (`service.name`).' }),
  },
};

function isCollector(value: string): boolean {
  if (!/^https?:\/\//.test(value) || !URL.canParse(value)) return false;
  const { username, password, search, hash, hostname } = new URL(value);
  return username + password + search + hash === '' && hostname !== '' && !/[\s\p{Cc}]/u.test(value);
}
