import { z } from 'zod';
import { AddressSet, GuardError } from '../net/index.ts';
import { complaint, fieldDocs } from './section-fields.ts';

/** Stands for every connection over a unix socket. */
export const UNIX_PROXIES = 'unix';

const FORMS = 'an address or a block of addresses, such as "10.0.0.1" or "10.0.0.0/8"';

const member = z.string({ error: complaint(FORMS) }).superRefine((text, context) => {
  try {
    if (text !== UNIX_PROXIES) new AddressSet([text]);
  } catch (error) {
    if (!(error instanceof GuardError)) throw error;
    context.addIssue({ code: 'custom', message: error.message });
  }
});

/** The addresses of the proxies in front that are believed. @param doc what is believed */
export const trustedProxies = (doc: string) =>
  z
    .array(member, { error: complaint('a list of addresses and blocks') })
    .prefault([])
    .register(fieldDocs, { doc, expected: `a list, each ${FORMS}` });

/** Finds the first listener that needs proxies and has none to believe; -1 if there is none. */
export function untrustingListener(
  listen: readonly { readonly proxyProtocol?: true }[],
  proxies: readonly string[],
): number {
  return proxies.some((proxy) => proxy !== UNIX_PROXIES) ? -1 : listen.findIndex(({ proxyProtocol }) => proxyProtocol);
}

/** What is wrong with such a listener. */
export const UNTRUSTING =
  '"proxy-protocol" needs addresses in trusted_proxies: without them no connection could be accepted';
