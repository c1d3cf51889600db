import assert from 'node:assert/strict';
import { test } from 'node:test';
import { demoText, programName } from '../../../src/cli/demo-text.ts';

const PLACE = {
  clients: '127.0.0.1:7999',
  controlUrl: 'http://127.0.0.1:5561',
  isDefaultControl: true,
  program: 'bin/holdfast',
};

test('the demo prints what to open and what to paste', () => {
  assert.equal(
    demoText(PLACE),
    [
      'Holdfast is running, with a live board behind it.',
      '',
      '  Open in two tabs       http://localhost:7999/',
      "  Publish to the page    printf 'data: hello\\n\\n' | bin/holdfast publish board @-",
      '  Wait for one message   curl http://localhost:7999/next',
      '  Watch the stream       curl -N http://localhost:7999/events',
      '',
      'Ctrl-C stops it.',
      '',
    ].join('\n'),
  );
});

test('the command to paste names a publish endpoint other than the default', () => {
  const text = demoText({ ...PLACE, controlUrl: 'http://127.0.0.1:6000', isDefaultControl: false });
  assert.match(text, / \| bin\/holdfast publish board @- --spec http:\/\/127\.0\.0\.1:6000\n/);
});

for (const [clients, url] of [
  ['0.0.0.0:80', 'http://localhost:80/'],
  ['[::]:80', 'http://localhost:80/'],
  ['[::1]:80', 'http://localhost:80/'],
  ['192.0.2.1:80', 'http://192.0.2.1:80/'],
  ['[2001:db8::1]:80', 'http://[2001:db8::1]:80/'],
] as const) {
  test(`a browser on this machine reaches ${clients} at ${url}`, () => {
    assert.ok(demoText({ ...PLACE, clients }).includes(` ${url}\n`));
  });
}

for (const [launcher, cwd, path, name] of [
  ['/home/me/clone/bin/holdfast', '/home/me/clone', '/usr/bin', 'bin/holdfast'],
  ['/usr/local/bin/holdfast', '/home/me', '/usr/bin:/usr/local/bin', 'holdfast'],
  ['/home/me/clone/bin/holdfast', '/tmp', '/usr/bin', '/home/me/clone/bin/holdfast'],
  ["/home/me/it's here/bin/holdfast", '/tmp', '/usr/bin', "'/home/me/it'\\''s here/bin/holdfast'"],
] as const) {
  test(`from ${cwd} with PATH=${path}, ${launcher} is called ${name}`, () => {
    assert.equal(programName(launcher, cwd, path), name);
  });
}
