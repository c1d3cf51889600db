import { isAbsolute } from 'node:path';
import { isPlainText } from './plain-text.ts';
import { choice, fieldDocs, flag, quantity, text } from './section-fields.ts';

const format = choice(['json', 'combined', 'logfmt']);

/** The `[access_log]` section: its keys, and what they are for. */
export const accessLogSection = {
  doc: 'One line for each request, WebSocket and outbound request, at its end. See [the lines](access-log.md).',
  shape: {
    to: text({
      expected: '"stdout", "journal" or an absolute path',
      fits: (value) => value === 'stdout' || value === 'journal' || isPath(value),
      doc: 'Where the lines go. A path is a file, which is created with the mode 640 and opened again at SIGHUP and SIGUSR1. `journal` is standard output with the priority of each line, where systemd reads it. If empty, there is no access log.',
    }),
    format: format.schema.default('json').register(fieldDocs, {
      doc: 'How a line is written: one object of JSON, the Combined Log Format of Apache and nginx, or `key=value` pairs.',
      expected: format.expected,
    }),
    sample: quantity({
      default: 1,
      from: 0,
      to: 1,
      doc: 'The share of requests that are logged, chosen at random. Those that fail, or whose status is 500 or more, are logged always.',
    }),
    anonymize: flag({
      doc: 'Log the network of a client instead of its address: IPv4 with its last byte zero, IPv6 with its first 48 bits.',
    }),
  },
};

function isPath(value: string): boolean {
  return isAbsolute(value) && isPlainText(value);
}
