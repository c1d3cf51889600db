import { useState } from 'preact/hooks';
import { Failure, send } from '../api/request.ts';
import { count } from '../live/format.ts';
import { hrefOf } from '../live/place.ts';
import { Name } from '../parts/name.tsx';
import { Panel, ViewHead } from '../parts/panel.tsx';
import { FORMATS, type Format, itemOf } from './item-of.ts';

/** What each format is for. */
const USES: Readonly<Record<Format, string>> = {
  'http-stream': 'a part of each held stream, such as an event',
  'http-response': 'the whole response of each client that waits for one',
  'ws-message': 'a message to each WebSocket',
};

type Outcome =
  | { readonly kind: 'published'; readonly channel: string; readonly receivers: number | null }
  | { readonly kind: 'failed'; readonly message: string };

interface Published {
  readonly items?: readonly { readonly channel: string; readonly receivers?: number }[];
}

interface PublishProps {
  /** The channel to begin with. */
  readonly channel: string | null;
  /** Whether the role allows it. */
  readonly allowed: boolean;
}

/** Publishes an item by hand. */
export function Publish({ channel: given, allowed }: PublishProps) {
  const [channel, setChannel] = useState(given ?? '');
  const [format, setFormat] = useState<Format>('http-stream');
  const [content, setContent] = useState('');
  const [asEvent, setAsEvent] = useState(true);
  const [id, setId] = useState('');
  const [prevId, setPrevId] = useState('');
  const [code, setCode] = useState('200');
  const [type, setType] = useState('text/plain; charset=utf-8');
  const [busy, setBusy] = useState(false);
  const [outcome, setOutcome] = useState<Outcome | null>(null);

  const publish = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    try {
      const item = itemOf({ channel, format, content, asEvent, id, prevId, code: Number(code), type });
      const prefer = { Prefer: 'return=representation' };
      const { items } = await send<Published>('POST', '/publish/', { items: [item] }, prefer);
      setOutcome({ kind: 'published', channel, receivers: items?.[0]?.receivers ?? null });
    } catch (error) {
      setOutcome({ kind: 'failed', message: error instanceof Failure ? reasonOf(error) : String(error) });
    }
    setBusy(false);
  };

  return (
    <>
      <ViewHead title="Publish" />
      {!allowed && <p class="notice">Your role may not publish. The roles publish and admin may.</p>}
      <form class="form" onSubmit={publish}>
        <label>
          Channel
          <input
            required
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            value={channel}
            onInput={(event) => setChannel(event.currentTarget.value)}
          />
        </label>
        <fieldset>
          <legend>Format</legend>
          <div class="options">
            {FORMATS.map((choice) => (
              <label key={choice} class="option">
                <input type="radio" name="format" checked={choice === format} onChange={() => setFormat(choice)} />
                <span class="option-text">
                  <strong>{choice}</strong>
                  <span class="quiet">{USES[choice]}</span>
                </span>
              </label>
            ))}
          </div>
        </fieldset>
        <label>
          Content
          <textarea
            rows={5}
            spellcheck={false}
            value={content}
            onInput={(event) => setContent(event.currentTarget.value)}
          />
        </label>
        {format === 'http-stream' && (
          <label class="check">
            <input type="checkbox" checked={asEvent} onChange={(event) => setAsEvent(event.currentTarget.checked)} />
            <span>
              As an event of an EventSource: <code>data:</code> before each line
            </span>
          </label>
        )}
        {format === 'http-response' && (
          <div class="pair">
            <label>
              Status
              <input
                type="number"
                required
                min={200}
                max={599}
                value={code}
                onInput={(event) => setCode(event.currentTarget.value)}
              />
            </label>
            <label>
              Content-Type
              <input value={type} spellcheck={false} onInput={(event) => setType(event.currentTarget.value)} />
            </label>
          </div>
        )}
        <details>
          <summary>Order</summary>
          <p class="quiet">
            Items with ids are delivered in the order that the ids of those before them give, and only once.
          </p>
          <div class="pair">
            <label>
              Id
              <input value={id} spellcheck={false} onInput={(event) => setId(event.currentTarget.value)} />
            </label>
            <label>
              Id of the item before
              <input value={prevId} spellcheck={false} onInput={(event) => setPrevId(event.currentTarget.value)} />
            </label>
          </div>
        </details>
        <p class="actions">
          <button type="submit" class="primary" disabled={busy || !allowed}>
            Publish
          </button>
          <output aria-live="polite">{outcome !== null && <OutcomeText outcome={outcome} />}</output>
        </p>
      </form>
      <Panel title="From a program" narrow>
        <p>
          The same is one POST to <code>/publish/</code> of this port.
        </p>
        <pre class="block">{curlOf({ channel, format, content, asEvent, id, prevId, code: Number(code), type })}</pre>
      </Panel>
    </>
  );
}

function OutcomeText({ outcome }: { outcome: Outcome }) {
  if (outcome.kind === 'failed') return <span class="bad">{outcome.message}</span>;
  const { channel, receivers } = outcome;
  return (
    <span>
      Published to{' '}
      <a href={hrefOf('channels', channel)}>
        <Name>{channel}</Name>
      </a>
      {receivers !== null && `: ${count(receivers)} ${receivers === 1 ? 'receiver' : 'receivers'}`}
      {receivers === 0 && ' for this format'}
    </span>
  );
}

function reasonOf({ kind, message }: Failure): string {
  if (kind === 'signed-out') return 'Publishing needs credentials.';
  if (kind === 'absent') return 'This server publishes nothing: the proxy is not configured.';
  return `Not published: ${message}`;
}

/** The command that does the same. A quote in a shell's quotes is written as '\''. */
function curlOf(wanted: Parameters<typeof itemOf>[0]): string {
  const body = JSON.stringify({ items: [itemOf({ ...wanted, channel: wanted.channel || 'CHANNEL' })] });
  const url = new URL('../publish/', document.baseURI).href;
  return `curl -d '${body.replaceAll("'", "'\\''")}' ${url}`;
}
