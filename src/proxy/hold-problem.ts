import { type ChannelRef, isOfWebhook, patternProblem, wholeName } from '../codec/grip/index.ts';
import { ExchangeError } from '../exchange/index.ts';
import { NO_HOLD, type Permit } from './guard/permit.ts';

/**
 * Why a client cannot be held with these channels: HF_GRIP_INVALID for a preflight and for a pattern that is invalid, HF_CHANNEL_FORBIDDEN. Null
 * if it can.
 * @param permit what its token permits; null for everything
 * @param prefix stands in front of the names and patterns
 */
export function holdProblem(
  permit: Permit | null,
  prefix: string,
  channels: readonly Pick<ChannelRef, 'name' | 'pattern'>[],
): ExchangeError | null {
  if (permit === NO_HOLD) return new ExchangeError('HF_GRIP_INVALID', 'a preflight that has no token cannot be held');
  for (const { name, pattern = false } of channels) {
    const whole = pattern ? prefix + name : wholeName(prefix, name);
    if (isOfWebhook(whole)) return new ExchangeError('HF_GRIP_INVALID', `the channel '${name}' is of the server`);
    if (pattern) {
      const problem = wholePatternProblem(prefix, whole);
      if (problem !== null) return new ExchangeError('HF_GRIP_INVALID', `the pattern '${name}' is invalid: ${problem}`);
      if (permit?.permitsPattern(whole) === false)
        return new ExchangeError('HF_CHANNEL_FORBIDDEN', `the token does not permit the pattern ${whole}`);
    } else if (permit?.permits(whole) === false) {
      return new ExchangeError('HF_CHANNEL_FORBIDDEN', `the token does not permit the channel ${whole}`);
    }
  }
  return null;
}

/** What is wrong with a pattern behind a prefix, which has to stay literal; null if nothing is. */
function wholePatternProblem(prefix: string, whole: string): string | null {
  if (prefix === '') return patternProblem(whole);
  if (!prefix.endsWith('.')) return `the prefix '${prefix}' of the route does not end in '.'`;
  for (const token of prefix.split('.')) {
    if (token === '*' || token === '>') return `the prefix '${prefix}' of the route has a '${token}' of its own`;
  }
  return patternProblem(whole);
}
