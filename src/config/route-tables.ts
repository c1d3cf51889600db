import { z } from 'zod';
import { HEADER_FORMS, headerFields, TOKEN } from './header-fields.ts';
import { isHttpUrl } from './is-http-url.ts';
import {
  bytes,
  choice,
  complaint,
  count,
  fieldDocs,
  flag,
  plainText,
  quantity,
  seconds,
  secret,
  table,
  text,
} from './section-fields.ts';

/** A name of a cookie or of a query parameter that needs no escapes (RFC 6265 §4.1.1). */
const NAME = /^[A-Za-z0-9._~-]+$/;
const NAME_FORMS = 'a name of letters, digits and "._~-"';

/** A type of content, with `*` for any subtype. */
const TYPE = /^[a-z0-9!#$&^_.+-]+\/(?:\*|[a-z0-9!#$&^_.+-]+)$/;
const TYPE_FORMS = 'a list of content types such as "text/*" or "application/json"';

const coding = choice(['br', 'gzip']);

const CHECK_FORMS = 'a percent-encoded path that starts with "/", perhaps with a query';

const BIND_FORMS = 'a list of header names';

/** Headers that say whose a request is, most often. */
const BOUND = ['Authorization', 'Cookie'] as const;

const LIMIT_BY_FORMS = '"address" or "claim:NAME"';

/** The keys of `[route.jwt]`. */
export const jwtShape = {
  key: secret({
    doc: 'Key that verifies tokens: with HS256 if it is a secret, otherwise with the algorithm of the public key (RS256, ES256). A private key is refused.',
  }),
  jwks: text({
    expected: 'an http or https URL',
    fits: isHttpUrl,
    secret: 'in-url',
    doc: 'URL of a JSON Web Key Set (RFC 7517) with public keys for RS256 and ES256, in place of `key`. It is fetched again after 10 minutes, and for a token with an unknown `kid`, at most every 10 s. While that fails the keys known so far stay. Redirects are not followed. This process fetches it itself, also where `fetch` under `[proxy]` names a fetch role. Anybody between here and there could change what `http` brings.',
  }),
  issuer: plainText({ doc: 'Issuer (`iss`) that tokens must name. If empty, any.' }),
  audience: plainText({ doc: 'Audience (`aud`) that tokens must name. If empty, any.' }),
  leeway: seconds({
    default: 0,
    from: 0,
    to: 3600,
    doc: 'How far the clock of the issuer may be off, for `exp` and `nbf`.',
  }),
  cookie: text({
    expected: NAME_FORMS,
    fits: (value) => NAME.test(value),
    doc: 'Cookie that has the token of a request without `Authorization: Bearer`.',
  }),
  query: text({
    expected: NAME_FORMS,
    fits: (value) => NAME.test(value),
    doc: 'Query parameter that has the token of a request without `Authorization: Bearer` and without the cookie. Tokens in URLs end up in logs and histories: let them be short-lived.',
  }),
  remove_token: flag({
    doc: 'Remove the token from requests to the origin: the field `Authorization: Bearer`, the cookie, or the parameter.',
  }),
  headers: headerFields.prefault({}).register(fieldDocs, {
    doc: 'Fields that tell the origin of claims: `"X-User" = "sub"`. Fields of the client with these names are removed. A list is joined by commas; a claim that is absent, or is not text, a number, a boolean or a list of them, gives no field.',
    expected: HEADER_FORMS,
  }),
  channels: plainText({
    doc: 'Claim with the list of the channels that clients may be subscribed to, under the names that publishers use. `*` at the end of a name stands for any rest. A hold for another channel gets a 403, and a WebSocket that subscribes to one is closed with 1008. If empty, tokens do not limit channels. Those of targets with `sub` are not limited.',
  }),
  user_claim: plainText({
    doc: 'Claim with the name of the user, such as `sub`: text or a number, at most 256 bytes. Clients that are held are clients of this user, unless the origin names another one with the metadata `user`. If empty, or without the claim, the token names no user.',
  }),
  end_at_expiry: flag({
    default: true,
    doc: 'End holds and WebSockets when their token expires (with `leeway`): held requests get a 401, streams end, and WebSockets are closed with 1008.',
  }),
  allow_preflight: flag({
    doc: "Pass browsers' CORS preflight requests (OPTIONS), which have no token. They are never held.",
  }),
};

/** Which requests of a route may pass. */
export const jwtTable = table(jwtShape).superRefine(({ key, jwks }, context) => {
  if (key === '' && jwks === '')
    context.addIssue({ code: 'custom', path: ['key'], message: 'key or jwks is needed to verify tokens' });
  if (key !== '' && jwks !== '')
    context.addIssue({ code: 'custom', path: ['jwks'], message: 'cannot be used together with key' });
});

/** The keys of `[route.limit]`. */
export const limitShape = {
  rate: quantity({
    default: 10,
    from: 0.001,
    to: 1_000_000,
    doc: 'Requests a second that each client may send, on average. Further ones get a 429 with `Retry-After`. WebSocket handshakes count too.',
  }),
  burst: count({
    default: 0,
    from: 1,
    to: 1_000_000,
    zero: 'for as many as `rate`, at least 1',
    doc: 'Requests that a client may send at once after a pause.',
  }),
  by: text({
    default: 'address',
    expected: LIMIT_BY_FORMS,
    fits: (value) => value === 'address' || /^claim:\P{Cc}+$/u.test(value),
    doc: 'What tells clients apart: their address (of IPv6 the first 64 bits, which are one network), or a claim of the token that `[route.jwt]` verifies. Clients of a unix socket are one client. Where the claim is absent the address counts. Requests without a valid token count by address, apart from the others: beyond the limit they get a 429 instead of a 401.',
  }),
};

/** How many requests each client of a route may send. */
export const limitTable = table(limitShape);

/** The keys of `[route.compress]`. */
export const compressShape = {
  codings: z
    .array(coding.schema, { error: complaint('a list of "br" and "gzip"') })
    .min(1, { error: () => 'at least one coding is needed' })
    .default(['br', 'gzip'])
    .register(fieldDocs, {
      doc: 'Content codings, the preferred one first. What counts first is the weight (`q`) that the client gives them in `Accept-Encoding`. Held streams are sent with gzip where the client takes it, because all clients share what is compressed.',
      expected: 'a list of "br" and "gzip"',
    }),
  types: z
    .array(
      z
        .string({ error: complaint(TYPE_FORMS) })
        .toLowerCase()
        .regex(TYPE, { error: complaint(TYPE_FORMS) }),
      { error: complaint(TYPE_FORMS) },
    )
    .default([
      ...['text/*', 'application/json', 'application/javascript', 'application/xml', 'application/wasm'],
      ...['application/manifest+json', 'application/problem+json', 'application/ld+json', 'application/x-ndjson'],
      ...['application/rss+xml', 'application/atom+xml', 'application/xhtml+xml', 'image/svg+xml'],
    ])
    .register(fieldDocs, { doc: 'Content types of the responses that are compressed.', expected: TYPE_FORMS }),
  min_bytes: bytes({
    default: 1_000,
    from: 0,
    to: 1_073_741_824,
    doc: 'Smallest body that is compressed, where its length is known. Streams are always compressed, and each part that comes by itself is sent at once.',
  }),
};

/** Which responses of a route are compressed. */
export const compressTable = table(compressShape);

/** The keys of `[route.check]`. */
export const checkShape = {
  path: text({
    default: '/',
    expected: CHECK_FORMS,
    fits: (path) => /^\/[!-~]*$/.test(path) && !path.includes('#'),
    doc: 'Path and query of the GET request that each target gets. It passes with a response whose status is 2xx or 3xx.',
  }),
  interval: seconds({ default: 10, from: 0.5, to: 3600, doc: 'Time from one check of a target to the next.' }),
  timeout: seconds({
    default: 5,
    from: 0.1,
    to: 3600,
    doc: 'Maximum time until the response to a check begins. At most `interval`.',
  }),
};

/** How the targets of a route are checked. */
export const checkTable = table(checkShape).superRefine(({ path, interval, timeout }, context) => {
  if (path === '') context.addIssue({ code: 'custom', path: ['path'], message: `expected ${CHECK_FORMS}` });
  if (timeout > interval) context.addIssue({ code: 'custom', path: ['timeout'], message: 'is longer than interval' });
});

/** The keys of `[route.resume]`. */
export const resumeShape = {
  ttl: seconds({
    default: 60,
    from: 1,
    to: 86_400,
    doc: 'Time that a stream is kept while no client reads it, also after its end. Then the id is unknown, and the request to the origin is cut if it goes on.',
  }),
  max_bytes: bytes({
    default: 4_194_304,
    from: 65_536,
    to: 1_073_741_824,
    doc: 'Maximum size of the log of a stream. While a client reads, the oldest events go. While none does, the origin is not read any further once the log is full; half of it stays for what the last client may not have received.',
  }),
  bind: z
    .array(z.string({ error: complaint(BIND_FORMS) }).regex(TOKEN, { error: complaint(BIND_FORMS) }), {
      error: complaint(BIND_FORMS),
    })
    .min(1, { error: () => 'at least one header is needed; shared = true lets everybody resume who knows an event id' })
    .default([...BOUND])
    .register(fieldDocs, {
      doc: 'Headers whose values must equal those of the first request. Where the route has `[route.jwt]`, the token must be of the same holder besides.',
      expected: BIND_FORMS,
    }),
  reauthorize: text({
    expected: 'an http or https URL',
    fits: isHttpUrl,
    secret: 'in-url',
    doc: 'URL that is asked, with a GET request, where those headers differ. It gets the headers of `bind` as the client sent them, and `X-Original-Method` and `X-Original-URI`. With a 2xx the client may resume. If empty, it may not.',
  }),
  shared: flag({
    doc: 'Let every client that the route admits resume a stream whose event id it knows, and watch along while others read. Cannot be combined with `bind` or `reauthorize`.',
  }),
};

/** Which event streams of a route can be resumed, and by whom. */
export const resumeTable = table(resumeShape).superRefine(({ bind, reauthorize, shared }, context) => {
  const problem = (key: string) =>
    context.addIssue({ code: 'custom', path: [key], message: 'has no effect with shared = true' });
  if (!shared) return;
  if (bind.join() !== BOUND.join()) problem('bind');
  if (reauthorize !== '') problem('reauthorize');
});

export type ResumeTable = z.output<typeof resumeTable>;
export type JwtRules = z.output<typeof jwtTable>;
export type CompressRules = z.output<typeof compressTable>;
export type LimitRules = z.output<typeof limitTable>;

/** The tables of a route, which have no form in a route line. */
export const routeTables = {
  jwt: jwtShape,
  limit: limitShape,
  compress: compressShape,
  check: checkShape,
  resume: resumeShape,
};
