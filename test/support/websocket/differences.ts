/** What `ws` may say where we fail. */
interface Difference {
  /** Our error. */
  readonly ours: RegExp;
  readonly why: string;
  /** Whether `ws` may go on with these events. */
  allows(rest: readonly string[]): boolean;
}

const isError = (event: string | undefined) => event?.startsWith('error ') === true;
const isMessage = (event: string | undefined) => event !== undefined && /^(text|binary) /.test(event);
const isControl = (event: string) => /^p[io]ng /.test(event);

/** Where we differ from `ws` on purpose. */
export const DIFFERENCES: readonly Difference[] = [
  {
    ours: /^length is not minimally encoded$/,
    why: 'RFC 6455 §5.2 demands the shortest form of a length; ws takes any',
    allows: () => true,
  },
  {
    ours: /^length exceeds 63 bits$/,
    why: 'RFC 6455 §5.2 forbids the highest bit, so it is 1002; to ws it is a length over its limit, 1009',
    allows: ([event, ...more]) => event === undefined || (event === 'error 1009' && more.length === 0),
  },
  {
    ours: /^frame exceeds \d+ bytes$/,
    why: 'ws bounds messages only',
    allows: () => true,
  },
  {
    ours: /^message of more than \d+ frames$/,
    why: 'a limit is 1009 here, whatever is counted; ws says 1008, and when the frame is complete',
    allows: (rest) => rest.length === 0 || (rest.length === 1 && isError(rest[0])),
  },
  {
    ours: /^text is not valid UTF-8$/,
    why: 'RFC 6455 §8.1: the fault shows at its first byte here; ws looks at the message once it is complete',
    allows: (rest) => !isMessage(rest.find((event) => !isControl(event))),
  },
  {
    ours: /^message cannot be decompressed: /,
    why: 'what has come of a frame is inflated at once here; ws inflates the frame once it is complete',
    allows: (rest) => rest.length === 0,
  },
  {
    ours: /^compressed message is truncated$/,
    why: 'a compressed message that was cut off is a fault here; ws takes what is put behind it for its last bytes',
    allows: () => true,
  },
  {
    ours: /^compressed message continues after its last block$/,
    why: 'data that says it has ended and goes on is a fault here (RFC 7692 §7.2.3.4); ws forgets what follows',
    allows: () => true,
  },
];

/** What the two make of the same bytes. */
export type Verdict = 'same' | 'different' | Difference;

/**
 * Compares our events with those of `ws`.
 * @returns a `Difference` if that explains why they are not the same
 */
export function compare(ours: readonly string[], theirs: readonly string[]): Verdict {
  const [, code = '', message = ''] = /^error (\d+) "(.*)"$/.exec(ours.at(-1) ?? '') ?? [];
  const before = code === '' ? ours : ours.slice(0, -1);
  if (before.some((event, i) => event !== theirs[i])) return 'different';
  const rest = theirs.slice(before.length);
  if (rest.join() === (code === '' ? '' : `error ${code}`)) return 'same';
  return DIFFERENCES.find((difference) => difference.ours.test(message) && difference.allows(rest)) ?? 'different';
}
