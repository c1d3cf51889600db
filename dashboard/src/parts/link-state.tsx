import { useEffect, useState } from 'preact/hooks';
import type { Status } from '../api/types.ts';
import type { Link, StatusFeed } from '../live/status-feed.ts';
import { useStore } from '../live/use-store.ts';
import { State, type Tone } from './state.tsx';

const TONES: Readonly<Record<Status['state'], Tone>> = {
  starting: 'wait',
  ready: 'good',
  draining: 'wait',
  upgrading: 'wait',
};

/** How the server is, in one word. */
export function LinkState({ feed, status }: { feed: StatusFeed; status: Status | null }) {
  const link = useStore(feed.link);
  if (link.kind === 'lost') return <State tone="bad">not connected</State>;
  if (status === null) return <State tone="wait">connecting</State>;
  return <State tone={TONES[status.state] ?? 'quiet'}>{status.state}</State>;
}

/** Says that the server is away, and since when it is back. It speaks only when that changes. */
export function LostBanner({ feed }: { feed: StatusFeed }) {
  const link = useStore(feed.link);
  const [was, setWas] = useState(false);
  useEffect(() => {
    if (link.kind === 'lost') setWas(true);
  }, [link.kind]);
  return (
    <>
      <p class="unseen" role="status">
        {link.kind === 'lost'
          ? 'The connection to the server is lost.'
          : was && link.kind === 'live'
            ? 'Connected again.'
            : ''}
      </p>
      {link.kind === 'lost' && (
        <div class="banner">
          <span class="grow">
            <strong>The connection to the server is lost.</strong> What you see is what was last heard.{' '}
            <Countdown link={link} />
          </span>
          <button type="button" onClick={() => feed.connect()}>
            Try now
          </button>
        </div>
      )}
    </>
  );
}

/** Seconds until the next try. */
function Countdown({ link: { retryAt } }: { link: Extract<Link, { kind: 'lost' }> }) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const seconds = Math.ceil((retryAt - now) / 1000);
  return <span class="quiet">{seconds > 1 ? `Trying again in ${seconds} s.` : 'Trying again…'}</span>;
}
