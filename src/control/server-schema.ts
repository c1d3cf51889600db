import { z } from 'zod';

const whole = z.number().int().nonnegative();
const time = z.iso.datetime().describe('time in UTC');

export const errorsSchema = z.object({
  errors: z.array(
    z.object({
      code: z.string(),
      count: whole,
      last: time.nullable(),
      status: whole.describe('status of the response; 0 for none'),
      text: z.string(),
    }),
  ),
});

export const handlersSchema = z.object({
  handlers: z.array(
    z.object({
      endpoint: z.string().describe('several are separated by spaces'),
      mode: z.enum(['stream', 'req']),
      connections: whole
        .nullable()
        .describe('handlers that are connected; null where each worker process has connections of its own'),
      sessions: whole
        .nullable()
        .describe('sessions that are open; null where both modes are served, which count together'),
    }),
  ),
});

export const outboundSchema = z.object({
  open: whole.describe('requests under way'),
  requests: whole.describe('all requests'),
  denied: z.array(z.object({ reason: z.string(), count: whole, last: time.nullable() })),
});

export const configurationSchema = z.object({
  toml: z.string().describe('the configuration in force; secrets are hidden'),
});

export const reloadedSchema = z.object({
  changed: z.array(z.object({ what: z.string() }).catchall(z.unknown())),
  needsRestart: z.array(z.string()).describe('keys whose change a reload cannot apply'),
});

export const reloadErrorsSchema = z.object({
  errors: z.array(
    z.object({
      file: z.string().nullable(),
      line: whole.nullable(),
      key: z.string().nullable(),
      message: z.string(),
    }),
  ),
});

export const upgradeSchema = z.object({ pid: whole.describe('the new process') });

export type Errors = z.infer<typeof errorsSchema>;
export type Handlers = z.infer<typeof handlersSchema>;
export type Outbound = z.infer<typeof outboundSchema>;
export type Reloaded = z.infer<typeof reloadedSchema>;
export type ReloadErrors = z.infer<typeof reloadErrorsSchema>;
