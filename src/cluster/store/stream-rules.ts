import type { ChannelLimits } from '../../history/index.ts';
import type { BrokerAnswers } from './broker-answers.ts';
import type { ItemStream } from './item-stream.ts';
import type { StreamAppends } from './stream-appends.ts';

/** What tells the stream its rules, and waits until it has them. */
export interface StreamRulesMeans {
  readonly stream: Pick<ItemStream, 'setRules'>;
  readonly appends: Pick<StreamAppends, 'hold'>;
  readonly answers: Pick<BrokerAnswers, 'orElse'>;
  /** Forgets what was read so far: other limits apply to it. */
  forget(): void;
}

/** The rules of the channels of this node, of which the stream is told. */
export class StreamRules {
  readonly #means: StreamRulesMeans;
  #limitsOf: (channel: string) => ChannelLimits | null = () => null;
  #told: Promise<void> = Promise.resolve();

  constructor(means: StreamRulesMeans) {
    this.#means = means;
  }

  /** Resolves when the stream has the rules, or was asked in vain. */
  get told(): Promise<void> {
    return this.#told;
  }

  limitsOf(channel: string): ChannelLimits | null {
    return this.#limitsOf(channel);
  }

  /** These apply from now on. What is appended later is not settled before the stream was told of them. Returns `told`. */
  set(rules: string, limitsOf: (channel: string) => ChannelLimits | null): Promise<void> {
    this.#limitsOf = limitsOf;
    this.#means.forget();
    this.#told = this.#tell(rules, this.#told, this.#means.appends.hold());
    return this.#told;
  }

  async #tell(rules: string, before: Promise<void>, release: () => void): Promise<void> {
    const { stream, answers } = this.#means;
    await before;
    await answers.orElse(stream.setRules(rules), undefined);
    this.#means.forget();
    release();
  }
}
