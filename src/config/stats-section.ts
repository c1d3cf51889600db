import { z } from 'zod';
import { formatListenAddress, LISTEN_FORMS, parseListenAddress } from './listen-address.ts';
import { complaint, fieldDocs, text, textCodec } from './section-fields.ts';

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
  },
};
