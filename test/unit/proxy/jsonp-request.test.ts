import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { test } from 'node:test';
import { startOrigin } from '../../support/origin.ts';
import { startApp } from '../../support/running-app.ts';

for (const append of [false, true]) {
  test(`_headers replaces no field of a trusted proxy; append = ${append}`, async (t) => {
    let seen: IncomingHttpHeaders = {};
    const origin = await startOrigin(t, (request, response) => {
      seen = request.headers;
      response.end('ok');
    });
    const app = await startApp(t, [`*,aco ${origin}`], {
      server: { trustedProxies: ['127.0.0.1'] },
      proxy: { xForwardedForTrusted: { truncate: null, append } },
    });
    const headers = {
      'X-Forwarded-For': '9.9.9.9',
      'X-Forwarded-Proto': 'http',
      Forwarded: 'for=9.9.9.9',
      'X-Real-IP': '9.9.9.9',
      Via: '1.1 front',
      'CDN-Loop': 'front',
    };
    const chosen = {
      'x-forwarded-for': '6.6.6.6',
      'X-Forwarded-Proto': 'https',
      'X-Forwarded-Host': 'evil.example',
      X_Forwarded_For: '6.6.6.6',
      Forwarded: 'for=6.6.6.6',
      'X-Real-IP': '6.6.6.6',
      Via: '1.1 page',
      'CDN-Loop': 'page',
      'X-Chosen': 'yes',
    };
    const ofProxies = (fields: IncomingHttpHeaders) =>
      Object.keys(chosen)
        .slice(0, -1)
        .map((field) => fields[field.toLowerCase()]);
    await app.send({ path: '/a', headers });
    const plain = ofProxies(seen);
    assert.match(String(plain[0]), /^9\.9\.9\.9/);
    await app.send({ path: `/a?callback=cb&_headers=${encodeURIComponent(JSON.stringify(chosen))}`, headers });
    assert.deepEqual(ofProxies(seen), plain);
    assert.equal(seen['x-chosen'], 'yes');
  });
}
