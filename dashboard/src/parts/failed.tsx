import type { ComponentChildren } from 'preact';
import type { Failure } from '../api/request.ts';
import type { Polled } from '../live/use-polled.ts';

interface FailedProps {
  readonly failure: Failure;
  /** What is said where the part of the server does not run. */
  readonly absent: ComponentChildren;
  readonly refresh?: () => void;
}

/** Says why there is nothing to show. */
export function Failed({ failure, absent, refresh }: FailedProps) {
  if (failure.kind === 'absent') return <p class="empty">{absent}</p>;
  if (failure.kind === 'forbidden') return <p class="empty">Your role does not allow this: {failure.message}</p>;
  if (failure.kind === 'signed-out') return <p class="empty">This needs credentials. Log in to see it.</p>;
  return (
    <div class="empty">
      <p>{failure.message}</p>
      {refresh && (
        <button type="button" onClick={refresh}>
          Try again
        </button>
      )}
    </div>
  );
}

interface ShownProps<T> {
  readonly polled: Polled<T>;
  readonly absent: ComponentChildren;
  readonly children: (data: T) => ComponentChildren;
}

/** Shows what was polled, or why there is nothing. What was heard last stays while the server is away. */
export function Shown<T>({ polled: { data, failure, refresh }, absent, children }: ShownProps<T>) {
  if (failure !== null && (data === null || failure.kind !== 'unreachable')) {
    return <Failed failure={failure} absent={absent} refresh={refresh} />;
  }
  if (data === null) return <p class="empty">Loading…</p>;
  return <>{children(data)}</>;
}
