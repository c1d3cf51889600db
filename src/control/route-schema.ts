import { z } from 'zod';

/** Where something that was set by this API is. */
const set = ['overlay', 'memory'] as const;
const SET_DOC =
  '`overlay`: set by this API and kept; `memory`: set without `keep`, until the next reload, restart or upgrade';

const whole = z.number().int().nonnegative();

export const routeSchema = z.object({
  id: z.string().describe('its `id`; empty if it has none'),
  line: z.string().describe('condition, parameters and targets, as a line of a routes file; secrets are hidden'),
  source: z.enum(['file', 'routes_file', ...set]).describe(SET_DOC),
  targets: z.array(z.object({ target: z.string(), healthy: z.boolean() })),
  requests: whole,
  responses: z.record(z.string(), whole).describe('responses of origins by class of status: `2xx`'),
  latency: z
    .object({ p50: z.number().nullable(), p99: z.number().nullable() })
    .describe('seconds until the head of the response; null without any'),
});

export const routesSchema = z.object({ routes: z.array(routeSchema) });

export const routeBody = z.strictObject({
  line: z
    .string()
    .max(16_384)
    .describe('condition and targets, as a line of a routes file: `example.com/path localhost:8000`'),
});

export const keepQuery = z.strictObject({
  keep: z
    .enum(['true', 'false'])
    .default('false')
    .describe('whether the change is kept in the state directory, beyond a restart'),
});

export const certificateBody = z.strictObject({
  cert: z.string().describe('certificate and those that it was signed with, in PEM'),
  key: z.string().describe('private key in PEM'),
});

export const certificatesSchema = z.object({
  certificates: z.array(
    z.object({
      name: z.string(),
      names: z.array(z.string()).describe('names that it is valid for'),
      expires: z.iso.datetime(),
      source: z.enum(['file', ...set]).describe(SET_DOC),
    }),
  ),
});

export const keyBody = z.strictObject({ key: z.string().min(1) });

export const keysSchema = z.object({
  keys: z.array(z.object({ name: z.string(), source: z.enum(['file', ...set]).describe(SET_DOC) })),
});

export type RouteState = z.infer<typeof routeSchema>;
export type CertificateBody = z.infer<typeof certificateBody>;
export type Certificates = z.infer<typeof certificatesSchema>;
export type Keys = z.infer<typeof keysSchema>;
