import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

interface PanelProps {
  readonly title: string;
  /** Beside the title: buttons, a count. */
  readonly aside?: ComponentChildren;
  /** As wide as a form. */
  readonly narrow?: boolean;
  readonly children: ComponentChildren;
}

/** A titled part of a view. */
export function Panel({ title, aside, narrow, children }: PanelProps) {
  const id = useId();
  return (
    <section class={narrow ? 'panel narrow' : 'panel'} aria-labelledby={id}>
      <div class="panel-head">
        <h2 id={id}>{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  );
}

/** The heading of a view. The page's focus goes there when the view changes. */
export function ViewHead({ title, children }: { title: ComponentChildren; children?: ComponentChildren }) {
  return (
    <div class="view-head">
      <h1 tabindex={-1}>{title}</h1>
      {children}
    </div>
  );
}
