import { useState } from 'preact/hooks';
import { Failure, request, send } from '../api/request.ts';
import type { ReloadErrors, Reloaded as Report, Status } from '../api/types.ts';
import { count } from '../live/format.ts';
import { serverTime } from '../live/server-time.ts';
import { DataTable } from '../parts/data-table.tsx';
import { Panel, ViewHead } from '../parts/panel.tsx';
import { State } from '../parts/state.tsx';
import { TimeAgo } from '../parts/time-ago.tsx';
import { changeText } from './change-text.ts';

/** What the server runs with. */
export function Server({ status, admin }: { status: Status; admin: boolean }) {
  const { configuration, listeners } = status;
  return (
    <>
      <ViewHead title="Server" />
      <Panel title="Configuration">
        <dl class="facts">
          <div>
            <dt>File</dt>
            <dd>{configuration.file === null ? 'none, only the command line' : <code>{configuration.file}</code>}</dd>
          </div>
          <div>
            <dt>Loaded</dt>
            <dd>
              <TimeAgo iso={configuration.loaded} now={serverTime(status)} />
            </dd>
          </div>
          <div>
            <dt>Reloads</dt>
            <dd>{count(configuration.reloads)}</dd>
          </div>
        </dl>
        {configuration.lastError !== null && (
          <div class="notice bad-notice">
            <p>
              <State tone="bad">The last reload failed</State> The configuration before it is still in effect.
            </p>
            <pre>{configuration.lastError}</pre>
          </div>
        )}
        {admin ? <Reload /> : <p class="quiet">The role admin may reload and read the configuration.</p>}
      </Panel>
      <Panel title="Listeners">
        <DataTable
          caption="Addresses that the server listens at"
          columns={LISTENERS}
          rows={listeners}
          keyOf={({ role: of, address }) => `${of} ${address}`}
          empty="The server listens nowhere yet."
        />
      </Panel>
      {admin && <Effective />}
    </>
  );
}

type Listener = Status['listeners'][number];

const LISTENERS = [
  { title: 'Role', cell: ({ role }: Listener) => role },
  { title: 'Address', cell: ({ address }: Listener) => <code>{address}</code> },
];

type Outcome =
  | { readonly kind: 'reloaded'; readonly report: Report }
  | { readonly kind: 'failed'; readonly message: string; readonly errors: ReloadErrors['errors'] };

function Reload() {
  const [busy, setBusy] = useState(false);
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const reload = async () => {
    setBusy(true);
    try {
      setOutcome({ kind: 'reloaded', report: await send<Report>('POST', '/reload') });
    } catch (error) {
      const failure = error instanceof Failure ? error : new Failure('refused', String(error));
      const { errors = [] } = (failure.body ?? {}) as Partial<ReloadErrors>;
      const message = failure.kind === 'absent' ? 'This server cannot reload its configuration.' : failure.message;
      setOutcome({ kind: 'failed', message, errors });
    }
    setBusy(false);
  };
  return (
    <div>
      <p class="actions">
        <button type="button" class="primary" disabled={busy} onClick={reload}>
          Reload configuration
        </button>
        <span class="quiet">A configuration with an error changes nothing.</span>
      </p>
      <div aria-live="polite">
        {outcome?.kind === 'reloaded' && <Reloaded report={outcome.report} />}
        {outcome?.kind === 'failed' && (
          <div class="notice bad-notice">
            <p>
              <State tone="bad">Nothing was changed</State> {outcome.errors.length === 0 && outcome.message}
            </p>
            <ul>
              {outcome.errors.map((error) => (
                <li key={`${error.file}:${error.line}:${error.message}`}>
                  {error.file !== null && (
                    <code>{error.line === null ? error.file : `${error.file}:${error.line}`}</code>
                  )}{' '}
                  {error.key !== null && <code>{error.key}</code>} {error.message}
                </li>
              ))}
            </ul>
          </div>
        )}
      </div>
    </div>
  );
}

function Reloaded({ report: { changed, needsRestart } }: { report: Report }) {
  return (
    <div class="notice">
      <p>
        <State tone="good">{changed.length === 0 ? 'Reloaded, nothing has changed' : 'Reloaded'}</State>
      </p>
      <Changes changes={changed.map(changeText)} />
      {needsRestart.length > 0 && (
        <>
          <p>
            <State tone="wait">These need a restart or an upgrade</State>
          </p>
          <Changes changes={needsRestart} />
        </>
      )}
    </div>
  );
}

function Changes({ changes }: { changes: readonly string[] }) {
  if (changes.length === 0) return null;
  return (
    <ul>
      {changes.map((change) => (
        <li key={change}>{change}</li>
      ))}
    </ul>
  );
}

/** The configuration as the server understands it, on request. */
function Effective() {
  const [shown, setShown] = useState<string | null>(null);
  const show = async () => {
    try {
      setShown((await request<{ toml: string }>('/configuration')).toml);
    } catch (error) {
      setShown(error instanceof Failure ? `# ${error.message}` : String(error));
    }
  };
  return (
    <Panel
      title="In effect"
      aside={
        <button type="button" onClick={shown === null ? show : () => setShown(null)}>
          {shown === null ? 'Show' : 'Hide'}
        </button>
      }
    >
      {shown === null ? (
        <p class="quiet">The whole configuration, with defaults and without secrets.</p>
      ) : (
        <section class="table-scroll tall" aria-label="Configuration in effect" tabindex={0}>
          <pre class="block">{shown}</pre>
        </section>
      )}
    </Panel>
  );
}
