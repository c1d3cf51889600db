import { isAbsolute } from 'node:path';
import { bytes, choice, fieldDocs, text } from './section-fields.ts';

const store = choice(['memory', 'disk']);

/** The `[history]` section: its keys, and what they are for. */
export const historySection = {
  doc: 'Where the items of channels with a history ([`[[channel]]`](#channel)) are kept.',
  shape: {
    max_bytes: bytes({
      default: 268_435_456,
      from: 1_048_576,
      to: 1_099_511_627_776,
      doc: 'Maximum number of bytes of memory for the items of all channels. Beyond it the least recently used channels lose their items, which is counted.',
    }),
    store: store.schema.default('memory').register(fieldDocs, {
      doc: 'Whether items are kept in memory only, or in the files of `path` too, so that a restart finds them. After a restart with "memory" each client that comes back is told of a gap.',
      expected: store.expected,
    }),
    path: text({
      expected: 'an absolute path',
      fits: isAbsolute,
      doc: 'Folder of the files, with `store = "disk"`. It is created if it does not exist. Two servers cannot share it.',
    }),
  },
};
