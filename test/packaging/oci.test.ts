import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { validate } from 'dockerfile-utils';
import { freePorts } from '../support/free-ports.ts';
import { holdfast, runServer } from '../support/holdfast.ts';
import { requirePeer } from '../support/peers.ts';
import { Program } from '../support/program.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const OCI = join(ROOT, 'packaging/oci');
const dockerfile = readFileSync(join(OCI, 'Dockerfile'), 'utf8');

/** The health checks of the image and of the compose file: programs for `node -e`. */
function healthChecks(): string[] {
  const check = /^HEALTHCHECK[\s\S]*?CMD (\[.*\])$/m.exec(dockerfile)?.[1] ?? '[]';
  const [node, flag, program] = JSON.parse(check) as string[];
  assert.deepEqual([node, flag], ['/usr/bin/node', '-e']);
  const composed = /^ +- "(fetch\(.*\))"$/m.exec(readFileSync(join(OCI, 'compose.yaml'), 'utf8'))?.[1];
  return [program as string, composed as string];
}

test('a linter finds nothing in the Dockerfile, what it copies is there, and it does not run as root', () => {
  assert.deepEqual(validate(dockerfile), []);
  for (const [, from = ''] of dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)) {
    for (const path of from.split(' ')) assert.ok(existsSync(join(ROOT, path)), path);
  }
  const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));
  assert.match(last, /^USER holdfast$/m);
  for (const [, image] of dockerfile.matchAll(/^FROM (\S+)/gm)) assert.match(String(image), /:(?!latest$)./);
});

test('the linter finds what is wrong', () => {
  assert.notDeepEqual(validate(dockerfile.replace('\nEXPOSE', '\nEXPORTS')), []);
});

test('Compose takes the compose file, whose health check asks the control port', (t) => {
  if (requirePeer(t, 'docker-compose') === null) return;
  const text = execFileSync('docker-compose', ['--file', join(OCI, 'compose.yaml'), 'config', '--format', 'json'], {
    encoding: 'utf8',
  });
  const { services } = JSON.parse(text);
  assert.deepEqual(services.holdfast.healthcheck.test, ['CMD', '/usr/bin/node', '-e', healthChecks()[1]]);
  const { build, volumes } = services.holdfast;
  assert.ok(existsSync(join(build.context, build.dockerfile)));
  assert.ok(existsSync(volumes[0].source));
});

test('the configuration of the image is valid', async (t) => {
  const checked = await holdfast(t, ['check', '--config', join(OCI, 'holdfast.toml')]);
  assert.deepEqual([checked.stderr, checked.code], ['', 0]);
});

test('each health check passes while the server is ready, and fails when nothing listens', async (t) => {
  const { controlUrl } = await runServer(t, ['--route', '* test']);
  const [free] = await freePorts(1);
  for (const check of healthChecks()) {
    assert.ok(check.includes('http://127.0.0.1:5561/'));
    const passes = check.replace('http://127.0.0.1:5561', controlUrl);
    assert.equal((await new Program(t, process.execPath, ['-e', passes]).ended).code, 0);
    const fails = check.replace(':5561', `:${free}`);
    assert.equal(spawnSync(process.execPath, ['-e', fails]).status, 1);
  }
});
