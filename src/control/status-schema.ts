import { z } from 'zod';

const whole = z.number().int().nonnegative();
const time = z.iso.datetime().describe('time in UTC');

/** Where the program is in its life. */
export const lifeSchema = z.enum(['starting', 'ready', 'draining', 'upgrading']);

export const healthSchema = z.object({
  status: z.enum(['ok', 'ready', 'starting', 'draining']),
  reason: z.string().optional().describe('why it is not ready'),
  degraded: z
    .string()
    .optional()
    .describe('what does not work as configured: the history of channels is kept in memory only'),
});

const histogramSchema = z
  .object({
    buckets: z.array(
      z.object({ le: z.number().nullable().describe('upper end in seconds; null for none'), count: whole }),
    ),
    sum: z.number().describe('seconds, of all'),
    count: whole,
  })
  .describe(
    'how long deliveries took, from accepting an item until all subscribers had it; each bucket counts those of the ones before it too',
  );

const counterValues = z.record(z.string(), z.number());

export const statusSchema = z.object({
  version: z.string(),
  pid: whole,
  state: lifeSchema,
  started: time,
  uptime: z.number().describe('seconds'),
  node: z.string().describe('version of Node.js'),
  roles: z.array(z.enum(['proxy', 'edge', 'fetch', 'mongrel2'])),
  workers: whole.describe('worker processes of all roles; 0 for none'),
  configuration: z.object({
    file: z.string().nullable().describe('null where there is none'),
    loaded: time,
    reloads: whole,
    lastError: z.string().nullable().describe('why the last reload changed nothing; null if it did'),
  }),
  listeners: z.array(z.object({ role: z.string(), address: z.string() })),
  connections: whole.describe('open connections of clients'),
  held: whole.describe('clients that are held'),
  channels: whole.describe('channels and patterns with a subscriber'),
  memory: z.object({ rss: whole, heapUsed: whole }).describe('bytes, of the main process'),
  eventLoop: z
    .object({ p50: z.number(), p99: z.number() })
    .describe('seconds that a turn of the event loop was late, of the last seconds, in the main process'),
  openFiles: z.object({
    used: whole.nullable().describe('null where it is not known'),
    limit: whole.nullable().describe('null where it is not known'),
  }),
  nextExpiry: z
    .object({
      certificate: z.string().describe('its name'),
      source: z.enum(['file', 'overlay', 'acme', 'mongrel2']),
      expires: time,
      soon: z.boolean().describe('whether it has expired, or expires soon enough that the log warns'),
    })
    .nullable()
    .describe('the certificate of a listener that expires first; null where there is none, or it is not known yet'),
  historyDegraded: z
    .string()
    .nullable()
    .describe(
      'why the history of channels is kept in memory only, or, in a cluster, why nothing is kept now; null if it is kept as configured',
    ),
  replaced: z
    .object({
      pid: whole,
      state: z
        .enum(['giving', 'finishing', 'ended'])
        .describe(
          '`giving`: its clients are moving, and it goes on if the upgrade fails; `finishing`: it serves what could not move',
        ),
      moved: whole.describe('connections that have moved here'),
    })
    .nullable()
    .describe('the process before this one, which an upgrade replaces; null for none'),
  delivery: histogramSchema,
  counters: z
    .record(z.string(), z.union([counterValues, z.record(z.string(), z.union([z.number(), counterValues]))]))
    .describe('totals and levels by role, of all processes'),
});

/** Where the program is in its life. */
export type Life = z.infer<typeof lifeSchema>;

export type Health = z.infer<typeof healthSchema>;

/** What the server says of itself. */
export type Status = z.infer<typeof statusSchema>;
