import { visible } from '../live/format.ts';

/** A text from outside, such as the name of a channel: what cannot be seen is made visible, and its writing direction stays its own. */
export function Name({ children }: { children: string }) {
  const shown = visible(children);
  return (
    <bdi class="name" title={shown.length > 40 ? shown : undefined}>
      {shown === '' ? <span class="quiet">(empty)</span> : shown}
    </bdi>
  );
}
