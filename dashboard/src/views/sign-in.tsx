import { useEffect, useRef, useState } from 'preact/hooks';
import { Failure } from '../api/request.ts';
import type { Session } from '../api/types.ts';
import type { Model, SignInReason } from '../live/model.ts';

/** Why somebody is here. */
const REASONS: Readonly<Record<SignInReason, string | null>> = {
  needed: null,
  ended: 'Your session has ended. Log in again to go on.',
  forbidden: 'Your role may not see the state of the server. Log in with another one.',
};

interface SignInProps {
  readonly model: Model;
  readonly reason: SignInReason;
  readonly accepts: Session['accepts'];
}

/** Opens a session, or says what is needed for one. */
export function SignIn({ model, reason, accepts }: SignInProps) {
  const first = useRef<HTMLHeadingElement>(null);
  useEffect(() => first.current?.focus(), []);
  return (
    <div class="sign-in">
      <h1 tabindex={-1} ref={first}>
        {accepts.length > 0 ? 'Log in' : 'No credentials are configured'}
      </h1>
      {REASONS[reason] !== null && <p>{REASONS[reason]}</p>}
      {accepts.length > 0 ? (
        <>
          <Credentials model={model} accepts={accepts} />
          <details>
            <summary>No credentials yet?</summary>
            <HowTo />
          </details>
        </>
      ) : (
        <HowTo />
      )}
    </div>
  );
}

/** How to let somebody in. */
function HowTo() {
  return (
    <div class="how-to">
      <p>
        The state of a server is only for those who may see it. Add a user to <code>holdfast.toml</code>, and reload or
        start the server again:
      </p>
      <pre class="block">{USER}</pre>
      <p>
        With the role <code>read</code> one sees everything here; <code>admin</code> may also publish and reload.
      </p>
    </div>
  );
}

function Credentials({ model, accepts }: Pick<SignInProps, 'model' | 'accepts'>) {
  const [by, setBy] = useState<'password' | 'token'>(accepts.includes('password') ? 'password' : 'token');
  const [name, setName] = useState('');
  const [secret, setSecret] = useState('');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);

  const signIn = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setProblem(null);
    try {
      await model.signIn(by === 'token' ? { token: secret.trim() } : { name, password: secret });
    } catch (error) {
      setProblem(error instanceof Failure ? problemOf(error) : String(error));
      setBusy(false);
    }
  };

  return (
    <form class="form" onSubmit={signIn}>
      {accepts.length > 1 && (
        <fieldset class="choice">
          <legend class="unseen">Log in with</legend>
          <label>
            <input type="radio" name="by" checked={by === 'password'} onChange={() => setBy('password')} />
            <span>Password</span>
          </label>
          <label>
            <input type="radio" name="by" checked={by === 'token'} onChange={() => setBy('token')} />
            <span>Token</span>
          </label>
        </fieldset>
      )}
      {by === 'password' && (
        <label>
          Name
          <input
            required
            autocomplete="username"
            autocapitalize="none"
            spellcheck={false}
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
      )}
      <label>
        {by === 'password' ? 'Password' : 'Token (JWT)'}
        <input
          key={by}
          required
          type="password"
          autocomplete={by === 'password' ? 'current-password' : 'off'}
          value={secret}
          onInput={(event) => setSecret(event.currentTarget.value)}
        />
      </label>
      <p class="actions">
        <button type="submit" class="primary" disabled={busy}>
          Log in
        </button>
      </p>
      <p role="alert" class="bad">
        {problem}
      </p>
    </form>
  );
}

const USER = `[[control.user]]
name = "ada"
password = "…"
role = "admin"`;

function problemOf({ kind, message }: Failure): string {
  if (kind === 'signed-out') return 'These credentials are not valid.';
  return message;
}
