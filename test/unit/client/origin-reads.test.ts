import assert from 'node:assert/strict';
import { test } from 'node:test';
import { originOf } from '../../../src/client/index.ts';
import { Fixture, stoppedWheel } from './fixture.ts';
import { HandDialler } from './hand-dialler.ts';

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n';

for (const [credits, expected] of [
  [1_000, 65_536],
  [65_536, 65_536],
  [200_000, 200_000],
  [1_000_000, 262_144],
] as const) {
  test(`A long body is read in steps of ${expected} bytes if ${credits} are granted with the request`, (t) => {
    const dialler = new HandDialler();
    new Fixture(t, {}, stoppedWheel(), dialler).send(originOf('origin', 80), { credits });
    dialler.connect();
    assert.equal(dialler.nextRead, 65_536);
    dialler.read(HEAD);
    assert.equal(dialler.nextRead, 65_536, 'a short read');
    dialler.read(Buffer.alloc(65_536));
    assert.equal(dialler.nextRead, expected);
    dialler.read(Buffer.alloc(1_000));
    assert.equal(dialler.nextRead, 65_536, 'no more comes for now');
  });
}

test('Reads of a long body grow with later grants', (t) => {
  const dialler = new HandDialler();
  const requester = new Fixture(t, {}, stoppedWheel(), dialler).send(originOf('origin', 80), { credits: 65_536 });
  dialler.connect();
  dialler.read(HEAD);
  requester.grant(134_464);
  dialler.read(Buffer.alloc(65_536));
  assert.equal(dialler.nextRead, 200_000);
  requester.grant(10_000_000);
  assert.equal(dialler.nextRead, 262_144);
});
