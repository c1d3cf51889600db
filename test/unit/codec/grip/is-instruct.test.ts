import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { holdModeOf, isInstruct, isInstructBody } from '../../../../src/codec/grip/index.ts';

const JSON_TYPE = 'application/grip-instruct';

describe('isInstruct', () => {
  it('takes any field that begins with Grip-, in any case', () => {
    for (const name of ['Grip-Hold', 'grip-status', 'GRIP-ANYTHING', 'gRiP-x', 'Grip-']) {
      assert.equal(isInstruct(['Server', 'x', name, 'v']), true, name);
    }
  });

  it('takes the instruct content type in any case and with any parameters', () => {
    for (const value of [JSON_TYPE, 'Application/GRIP-Instruct', `${JSON_TYPE};charset=utf-8`, `${JSON_TYPE} ; x`]) {
      assert.equal(isInstruct(['Date', 'x', 'content-TYPE', value]), true, value);
      assert.equal(isInstructBody(['Content-Type', value]), true, value);
    }
  });

  it('leaves other responses alone', () => {
    const others = [
      [],
      ['Content-Type', 'text/plain'],
      ['Content-Type', `${JSON_TYPE}-2`],
      ['Content-Type', `${JSON_TYPE}s`],
      ['Content-Type', 'application/grip'],
      ['Content-Typo', JSON_TYPE],
      ['Content-Typ\u0005', JSON_TYPE],
      ['X-Content-Type', JSON_TYPE],
      ['Grip', 'x'],
      ['Grip\rx', 'x'],
      ['X-Grip-Hold', 'stream'],
      ['Server', 'Grip-Hold'],
      ['Link', JSON_TYPE],
    ];
    for (const headers of others) assert.equal(isInstruct(headers), false, headers.join(': '));
  });

  it('does not take Grip- fields for an instruct in the body', () => {
    assert.equal(isInstructBody(['Grip-Hold', 'stream', 'Content-Type', 'text/plain']), false);
  });
});

describe('holdModeOf', () => {
  it('tells the mode that the headers ask for', () => {
    assert.equal(holdModeOf(['grip-hold', 'stream']), 'stream');
    assert.equal(holdModeOf(['Grip-Hold', 'response', 'Content-Type', 'text/plain']), 'response');
  });

  it('is null without a hold and for a mode that there is not', () => {
    assert.equal(holdModeOf([]), null);
    assert.equal(holdModeOf(['Grip-Channel', 'c']), null);
    assert.equal(holdModeOf(['Grip-Hold', 'Stream']), null);
  });

  it('is null where only the body will tell', () => {
    assert.equal(holdModeOf(['Grip-Hold', 'stream', 'Content-Type', JSON_TYPE]), null);
  });
});
