import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_RESPONDER } from '../../../src/exchange/index.ts';
import { TargetsRig } from './support/targets-rig.ts';

for (const [headers, status] of [
  [['CDN-Loop', 'other'], undefined],
  [['CDN-Loop', 'our-name'], undefined],
  [['CDN-Loop', '"our,x"'], undefined],
  [['CDN-Loop', 'other, our'], 508],
  [['cdn-loop', 'other', 'CDN-LOOP', 'OUR; a=b'], 508],
  [['CDN-Loop', 'our;a="x,y"'], 508],
] as const) {
  test(`A request with ${headers.join(' ')} is ${status === undefined ? 'forwarded' : 'refused as a loop'}`, (t) => {
    const rig = new TargetsRig(
      t,
      ['* a.test:1'],
      (target) => {
        rig.asked.push(target);
        return NO_RESPONDER;
      },
      { proxy: { cdnLoop: 'our' } },
    );
    const requester = rig.send({ headers: [...headers] });
    assert.equal(requester.head?.status, status);
    assert.equal(rig.asked.length, status === undefined ? 1 : 0);
    if (status !== undefined) assert.equal(rig.log.of('request failed')[0]?.code, 'HF_LOOP');
  });
}

test('A proxy without a cdn_loop name detects no loop', (t) => {
  const rig = new TargetsRig(t, ['* a.test:1'], () => NO_RESPONDER);
  assert.equal(rig.send({ headers: ['CDN-Loop', 'holdfast'] }).head, null);
});
