import { useEffect, useState } from 'preact/hooks';
import type { Errors as Counted } from '../api/types.ts';
import { count } from '../live/format.ts';
import { usePolled } from '../live/use-polled.ts';
import { DataTable } from '../parts/data-table.tsx';
import { Shown } from '../parts/failed.tsx';
import { ViewHead } from '../parts/panel.tsx';
import { TimeAgo } from '../parts/time-ago.tsx';
import type { Reason } from './reasons-of.ts';

type CountedError = Counted['errors'][number];

/** What went wrong, how often, and why. */
export function Errors({ now }: { now: number }) {
  const polled = usePolled<Counted>('/errors');
  const reasons = useReasons();
  const columns = [
    {
      title: 'Error',
      cell: ({ code, text }: CountedError) => (
        <>
          <code>{code}</code>
          <Text text={text} reason={reasons?.get(code)} />
        </>
      ),
    },
    { title: 'Count', numeric: true, cell: (error: CountedError) => count(error.count) },
    { title: 'Last', numeric: true, cell: ({ last }: CountedError) => <TimeAgo iso={last} now={now} /> },
    {
      title: 'Status',
      numeric: true,
      spare: true,
      cell: ({ status }: CountedError) => (status === 0 ? <span class="quiet">cut</span> : status),
    },
  ];
  return (
    <>
      <ViewHead title="Errors" />
      <Shown polled={polled} absent="This server does not count its errors by code.">
        {({ errors }) => (
          <DataTable
            caption="Errors since the start, by code"
            columns={columns}
            rows={[...errors].sort((a, b) => (b.last ?? '').localeCompare(a.last ?? ''))}
            keyOf={({ code }) => code}
            empty="No errors since the start."
          />
        )}
      </Shown>
    </>
  );
}

/** What clients are told. Unfolded it says what happened, and what to do. */
function Text({ text, reason }: { text: string; reason: Reason | undefined }) {
  if (reason === undefined) return <span class="below">{text}</span>;
  return (
    <details class="why">
      <summary>{text}</summary>
      <p>{reason.parts.map(({ text: part, code }, i) => (code ? <code key={i}>{part}</code> : part))}</p>
      <p class="quiet">Caused by: {reason.cause}</p>
    </details>
  );
}

/** The texts of the reference, which come with the page, but not before they are wanted. */
function useReasons(): ReadonlyMap<string, Reason> | null {
  const [reasons, setReasons] = useState<ReadonlyMap<string, Reason> | null>(null);
  useEffect(() => {
    import('./error-reference.ts').then(
      ({ REASONS }) => setReasons(REASONS),
      // The counts are of use without them. The server may be away, or have another page by now.
      () => {},
    );
  }, []);
  return reasons;
}
