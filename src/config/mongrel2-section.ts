import { z } from 'zod';
import { decodeServer, encodeServer } from './mongrel2-codec.ts';
import type { Mongrel2Server } from './mongrel2-site.ts';
import { serverTable } from './mongrel2-tables.ts';
import { complaint, fieldDocs } from './section-fields.ts';

/** The `[[edge.mongrel2]]` tables in TOML, and back. */
export const mongrel2Servers = z
  .array(z.codec(serverTable, z.custom<Mongrel2Server>(), { decode: decodeServer, encode: encodeServer }), {
    error: complaint('tables, each under [[edge.mongrel2]]'),
  })
  .prefault([])
  .register(fieldDocs, {
    doc: 'Servers that do the job of Mongrel2: see [`[[edge.mongrel2]]`](#edgemongrel2). They run in the main process, whatever `workers` says.',
    expected: 'tables',
  });
