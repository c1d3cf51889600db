import { useEffect, useState } from 'preact/hooks';
import type { Channel as ChannelState } from '../api/types.ts';
import { bytes, clock, count, text, visible, wellFormed } from '../live/format.ts';
import { hrefOf } from '../live/place.ts';
import { type ListedItem, TAP_ITEMS, Tap, type TapState } from '../live/tap.ts';
import { usePolled } from '../live/use-polled.ts';
import { useStore } from '../live/use-store.ts';
import { Icon } from '../parts/icon.tsx';
import { Name } from '../parts/name.tsx';
import { Panel, ViewHead } from '../parts/panel.tsx';
import { State, type Tone } from '../parts/state.tsx';
import { contentsOf, withEnd } from './contents-of.ts';

/** One channel: who listens, and its messages as they come. */
export function Channel({ name }: { name: string }) {
  const { data, failure } = usePolled<ChannelState>(`/channels/${encodeURIComponent(wellFormed(name))}`);
  const subscribers = failure?.kind === 'absent' ? 0 : data?.subscribers;
  return (
    <>
      <p class="back">
        <a href={hrefOf('channels')}>
          <Icon name="back" />
          All channels
        </a>
      </p>
      <ViewHead title={<Name>{name}</Name>}>
        <a class="button" href={hrefOf('publish', name)}>
          Publish here
        </a>
      </ViewHead>
      <dl class="facts">
        <div>
          <dt>Subscribers</dt>
          <dd>{count(subscribers)}</dd>
        </div>
        <div>
          <dt>Last id</dt>
          <dd>{data?.lastId ? <Name>{data.lastId}</Name> : '–'}</dd>
        </div>
      </dl>
      <Messages key={name} channel={name} />
    </>
  );
}

const STATES: Readonly<Record<TapState['kind'], readonly [Tone, string]>> = {
  connecting: ['wait', 'connecting'],
  live: ['good', 'live'],
  lost: ['wait', 'connecting again'],
  'signed-out': ['bad', 'no session'],
  forbidden: ['bad', 'not allowed'],
  absent: ['bad', 'not available'],
};

/** What is said instead of the list. */
const REASONS: Partial<Record<TapState['kind'], string>> = {
  'signed-out': 'Contents of messages are shown to those who have logged in.',
  forbidden: 'Your role may not see the contents of messages.',
  absent: 'This server has no messages to show: the proxy is not configured.',
};

function Messages({ channel }: { channel: string }) {
  const [tap] = useState(() => new Tap(channel));
  const [paused, setPaused] = useState(false);
  useEffect(() => {
    tap.open();
    return () => tap.close();
  }, [tap]);
  const { kind, items, total, lost } = useStore(tap.state);
  const [tone, word] = paused && kind === 'live' ? (['wait', 'paused'] as const) : STATES[kind];
  const pause = () => {
    tap.paused = !paused;
    setPaused(!paused);
  };
  return (
    <Panel
      title="Messages"
      aside={
        <>
          <State tone={tone}>{word}</State>
          <span class="quiet grow">
            {total > TAP_ITEMS ? `the last ${TAP_ITEMS} of ${count(total)}` : total > 0 ? count(total) : ''}
            {lost > 0 && `, ${count(lost)} lost: they came too fast`}
          </span>
          <button type="button" onClick={pause} aria-pressed={paused}>
            Pause
          </button>
          <button type="button" onClick={() => tap.clear()} disabled={total === 0}>
            Clear
          </button>
        </>
      }
    >
      {items.length === 0 ? (
        <p class="empty">{REASONS[kind] ?? 'Messages appear here as they are published.'}</p>
      ) : (
        <ol class="messages" aria-label="Messages, newest first">
          {items.map((item) => (
            <Message key={item.key} item={item} />
          ))}
        </ol>
      )}
    </Panel>
  );
}

function Message({ item: { time, id, formats, bytes: size, receivers } }: { item: ListedItem }) {
  return (
    <li>
      <p class="message-head">
        <time dateTime={time}>{clock(new Date(time))}</time>
        {id !== null && id !== undefined && (
          <span class="id">
            id <Name>{id}</Name>
          </span>
        )}
        <span class="quiet">
          {text(bytes(size))}, {count(receivers)} {receivers === 1 ? 'receiver' : 'receivers'}
        </span>
      </p>
      {contentsOf(formats).map(({ format, content, note }) => (
        <div key={format} class="content">
          <span class="tag">{format}</span>
          {note !== '' && <span class="quiet">{note}</span>}
          {content !== '' && (
            <pre>
              <bdi>{visible(withEnd(content), '\n\t')}</bdi>
            </pre>
          )}
        </div>
      ))}
    </li>
  );
}
