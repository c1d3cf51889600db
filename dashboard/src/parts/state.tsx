import type { ComponentChildren } from 'preact';

/** How something is. The word says it too: colour alone says it not to everybody. */
export type Tone = 'good' | 'wait' | 'bad' | 'quiet';

/** A dot and a word. */
export function State({ tone, children }: { tone: Tone; children: ComponentChildren }) {
  return <span class={`state ${tone}`}>{children}</span>;
}
