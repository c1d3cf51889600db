import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DashboardBackend } from '../support/dashboard/dashboard-backend.ts';
import { dashboardBrowser, openDashboard } from '../support/dashboard/dashboard-page.ts';
import { requirePeer } from '../support/peers.ts';

const ADMIN = { role: 'admin', roles: ['admin'], name: 'ada', accepts: ['password', 'token'] };
const NOBODY = { role: null, roles: [], name: '', accepts: ['password', 'token'] };
const REFUSED = { status: 401, json: { error: { message: 'Credentials are missing or not valid.' } } };

function signOut(backend: DashboardBackend, session: object = NOBODY): void {
  backend.answers.set('GET /session', { status: 200, json: session });
  backend.answers.set('GET /events', REFUSED);
  backend.answers.set('GET /status', REFUSED);
}

function admit(backend: DashboardBackend, session: object = ADMIN): void {
  backend.answers.set('GET /session', { status: 200, json: session });
  backend.answers.set('GET /events', { status: 200 });
  backend.answers.set('POST /session', { status: 200, json: session });
}

test('the session of the dashboard', async (t) => {
  const chromium = requirePeer(t, 'chromium');
  if (chromium === null) return;
  const browser = await dashboardBrowser(t, chromium);

  await t.test('a name and a password open it, and logging out ends it', async (t) => {
    const { page, backend, go } = await openDashboard(t, browser);
    signOut(backend);
    backend.answers.set('POST /session', REFUSED);
    await go('');
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
    assert.equal(await page.getByRole('navigation').count(), 0);
    await page.getByLabel('Name').fill('ada');
    await page.getByLabel('Password', { exact: true }).last().fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('These credentials are not valid.').waitFor();
    admit(backend);
    await page.getByLabel('Password', { exact: true }).last().fill('right');
    await page.keyboard.press('Enter');
    await page.getByText('ready', { exact: true }).waitFor();
    const logins = backend.requests.filter(({ method, path }) => method === 'POST' && path === '/session');
    assert.deepEqual(
      logins.map(({ body }) => JSON.parse(body)),
      [
        { name: 'ada', password: 'wrong' },
        { name: 'ada', password: 'right' },
      ],
    );
    assert.equal(logins[0]?.headers['content-type'], 'application/json');
    backend.answers.set('DELETE /session', { status: 204 });
    signOut(backend);
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
    assert.equal((await backend.requested('DELETE', '/session')).body, '');
    // What the page knew of the server is gone.
    assert.doesNotMatch(await page.locator('body').innerText(), /Connections/);
  });

  await t.test('a token opens it', async (t) => {
    const { page, backend, go } = await openDashboard(t, browser);
    signOut(backend);
    await go('');
    await page.getByText('Token', { exact: true }).click();
    await page.getByLabel('Token (JWT)').fill(' a.b.c ');
    admit(backend, { ...ADMIN, role: 'read', roles: ['read'] });
    await page.keyboard.press('Enter');
    await page.getByText('ready', { exact: true }).waitFor();
    assert.deepEqual(JSON.parse((await backend.requested('POST', '/session')).body), { token: 'a.b.c' });
    await page.getByRole('link', { name: 'Publish' }).click();
    await page.getByText('Your role may not publish.').waitFor();
    assert.ok(await page.getByRole('button', { name: 'Publish' }).isDisabled());
    await page.getByRole('link', { name: 'Server' }).click();
    await page.getByText('The role admin may reload and read the configuration.').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Reload configuration' }).count(), 0);
  });

  await t.test('the page asks again when it has ended', async (t) => {
    const { page, backend, go } = await openDashboard(t, browser);
    await go('errors');
    await page.getByText('ready', { exact: true }).waitFor();
    signOut(backend);
    backend.endStreams();
    await page.getByText('Your session has ended.').waitFor();
    admit(backend);
    await page.getByLabel('Name').fill('ada');
    await page.getByLabel('Password', { exact: true }).last().fill('right');
    await page.keyboard.press('Enter');
    // It goes on where it was.
    await page.getByRole('heading', { name: 'Errors' }).waitFor();
  });

  await t.test('a role that may not read is told so', async (t) => {
    const { page, backend, go } = await openDashboard(t, browser);
    signOut(backend, { ...NOBODY, role: 'publish', roles: ['publish'], name: 'bob' });
    await go('');
    await page.getByText('Your role may not see the state of the server.').waitFor();
  });

  await t.test('where no credentials are configured the page says how to configure them', async (t) => {
    const { page, backend, go } = await openDashboard(t, browser);
    signOut(backend, { ...NOBODY, accepts: [] });
    await go('');
    await page.getByRole('heading', { name: 'No credentials are configured' }).waitFor();
    await page.getByText('[[control.user]]').waitFor();
    assert.equal(await page.getByRole('textbox').count(), 0);
  });
});
