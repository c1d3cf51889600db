import { z } from 'zod';
import { ROLES } from './caller.ts';

const role = z.enum(['read', 'publish', 'admin']);

export const loginBody = z.union([
  z.strictObject({ token: z.string().min(1).max(16_384) }),
  z.strictObject({ name: z.string().min(1).max(200), password: z.string().max(1_000) }),
]);

export const sessionSchema = z.object({
  name: z.string().describe('empty if it is not known'),
  role: role.nullable().describe('the mightiest of the roles; null without any'),
  roles: z.array(role).describe('all roles of the caller'),
  accepts: z
    .array(z.enum(['token', 'password']))
    .describe('what one can log in with; empty where no credentials are configured'),
});

export type Login = z.infer<typeof loginBody>;
export type Session = z.infer<typeof sessionSchema>;

/** The mightiest role of some. */
export function mightiest(roles: ReadonlySet<Session['roles'][number]>): Session['role'] {
  return ROLES.findLast((each) => roles.has(each)) ?? null;
}
