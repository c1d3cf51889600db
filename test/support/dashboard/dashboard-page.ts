import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { BrowserContext, Page } from 'playwright-core';
import { openBrowser } from '../browser.ts';
import { type DashboardBackend, startDashboardBackend } from './dashboard-backend.ts';

/** The dashboard in a browser, with a backend of its own. */
export interface DashboardPage {
  readonly page: Page;
  readonly backend: DashboardBackend;
  /** Goes to a view, `channels/news` for instance, as with a bookmark. */
  go(view: string): Promise<void>;
  /** What went wrong in the page: exceptions, what the policy blocked, requests to elsewhere. */
  readonly problems: readonly string[];
}

/** Starts the browser for a file of tests. */
export function dashboardBrowser(t: TestContext, chromium: string): Promise<BrowserContext> {
  return openBrowser(t, chromium, { timezoneId: 'UTC', locale: 'en-GB', reducedMotion: 'reduce' });
}

/** Opens the page. The test fails at its end if something went wrong in it that it did not expect. */
export async function openDashboard(t: TestContext, browser: BrowserContext): Promise<DashboardPage> {
  const backend = await startDashboardBackend(t);
  const page = await browser.newPage();
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (message) => {
    // What the server refuses is logged by the browser itself.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) {
      problems.push(message.text());
    }
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(new URL('/', backend.url).href)) problems.push(`request to ${request.url()}`);
  });
  t.after(async () => {
    await page.close();
    assert.deepEqual(problems, []);
  });
  const go = async (view: string) => {
    await page.goto('about:blank');
    await page.goto(`${backend.url}#/${view}`);
    await page.waitForSelector('h1');
  };
  return { page, backend, go, problems };
}
