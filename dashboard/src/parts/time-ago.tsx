import { ago } from '../live/format.ts';

/** A time of the server as how long it is ago. */
export function TimeAgo({ iso, now }: { iso: string | null; now: number }) {
  if (iso === null) return <span class="quiet">never</span>;
  return (
    <time dateTime={iso} title={iso}>
      {ago(iso, now)}
    </time>
  );
}
