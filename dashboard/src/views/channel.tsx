import { useEffect, useState } from 'preact/hooks';
import type { ChannelDetails } from '../api/types.ts';
import { bytes, count, rate, text, wellFormed } from '../live/format.ts';
import { hrefOf } from '../live/place.ts';
import { TAP_ITEMS, Tap, type TapState } from '../live/tap.ts';
import { usePolled } from '../live/use-polled.ts';
import { useStore } from '../live/use-store.ts';
import { Icon } from '../parts/icon.tsx';
import { Name } from '../parts/name.tsx';
import { Panel, ViewHead } from '../parts/panel.tsx';
import { State, type Tone } from '../parts/state.tsx';
import { ChannelHistory } from './channel-history.tsx';
import { ChannelUsers } from './channel-users.tsx';
import { Message } from './message.tsx';

/** One channel: who listens, and its messages as they come. */
export function Channel({ name }: { name: string }) {
  const { data, failure } = usePolled<ChannelDetails>(`/channels/${encodeURIComponent(wellFormed(name))}`);
  const subscribers = failure?.kind === 'absent' ? 0 : data?.subscribers;
  const history = data?.history;
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
        {history !== undefined && (
          <>
            <div>
              <dt>Kept</dt>
              <dd>
                {count(history.items)} {history.items === 1 ? 'item' : 'items'}, {text(bytes(history.bytes))}
              </dd>
            </div>
            <div>
              <dt>Published</dt>
              <dd>{text(rate(history.itemsPerSecond))}</dd>
            </div>
            <div>
              <dt>New subscribers get</dt>
              <dd>{history.retain ? 'the last item' : 'what follows'}</dd>
            </div>
          </>
        )}
      </dl>
      <Messages key={name} channel={name} />
      {history !== undefined && (
        <ChannelHistory
          key={`history ${name}`}
          channel={name}
          state={`${history.oldest} ${history.first} ${history.last} ${history.items}`}
        />
      )}
      {data?.users !== undefined && <ChannelUsers key={`users ${name}`} channel={name} />}
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
