import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseGripFields } from '../../../../src/codec/grip/grip-fields.ts';
import { GripError } from '../../../../src/codec/grip/index.ts';

function refuses(headers: string[], detail: RegExp): void {
  assert.throws(
    () => parseGripFields(headers),
    (error) => error instanceof GripError && detail.test(error.detail),
    headers.join(': '),
  );
}

/** The keep-alive that a Grip-Keep-Alive value stands for, with its content as latin1 text. */
function keepAlive(value: string): { content: string; timeout: number; mode: string } | null {
  const parsed = parseGripFields(['Grip-Keep-Alive', value]).keepAlive;
  return parsed === null ? null : { ...parsed, content: parsed.content.toString('latin1') };
}

describe('Grip-Hold', () => {
  it('is response or stream', () => {
    assert.equal(parseGripFields(['grip-hold', 'response']).mode, 'response');
    assert.equal(parseGripFields(['Grip-Hold', 'stream']).mode, 'stream');
    assert.equal(parseGripFields([]).mode, null);
  });

  it('is case-sensitive and nothing else', () => {
    for (const value of ['Response', 'STREAM', '', 'stream; x', 'none']) refuses(['Grip-Hold', value], /Grip-Hold/);
  });
});

describe('Grip-Channel', () => {
  it('names channels in a list and in repeated fields', () => {
    const { channels } = parseGripFields(['Grip-Channel', 'a, b', 'X', 'y', 'GRIP-CHANNEL', 'c,']);
    assert.deepEqual(channels, [
      { name: 'a', prevId: null, filters: [] },
      { name: 'b', prevId: null, filters: [] },
      { name: 'c', prevId: null, filters: [] },
    ]);
  });

  it('takes prev-id and filter parameters and ignores others', () => {
    const { channels } = parseGripFields(['Grip-Channel', 'a b; prev-id=7; filter=f1; x=y; Filter="f,2", c;PREV-ID=']);
    assert.deepEqual(channels, [
      { name: 'a b', prevId: '7', filters: ['f1', 'f,2'] },
      { name: 'c', prevId: '', filters: [] },
    ]);
  });

  it('reads names, ids and filters as UTF-8', () => {
    const { channels } = parseGripFields([
      'Grip-Channel',
      '\u00c3\u00a0; prev-id=\u00e2\u0082\u00ac; filter=\u00c3\u00a9',
    ]);
    assert.deepEqual(channels, [{ name: 'à', prevId: '€', filters: ['é'] }]);
  });

  it('may have no element at all', () => {
    assert.deepEqual(parseGripFields(['Grip-Channel', '']).channels, []);
  });

  it('is refused with an empty element', () => {
    for (const value of ['a,,b', ', a', '; prev-id=1', ' ;']) refuses(['Grip-Channel', value], /Grip-Channel/);
  });

  it('is refused with more than 5 filters for a channel', () => {
    const five = 'a; filter=1; filter=2; filter=3; filter=4; filter=5';
    assert.equal(parseGripFields(['Grip-Channel', `${five}, ${five}`]).channels[1]?.filters.length, 5);
    refuses(['Grip-Channel', `${five}; filter=6`], /too many filters.*'a'/);
  });

  it('is refused with a quote that is not closed', () => {
    refuses(['Grip-Channel', 'a; prev-id="1'], /quote/);
  });
});

describe('Grip-Timeout', () => {
  it('is an integer of seconds', () => {
    assert.equal(parseGripFields(['Grip-Timeout', '0']).timeout, 0);
    assert.equal(parseGripFields(['Grip-Timeout', '120']).timeout, 120);
    assert.equal(parseGripFields(['Grip-Timeout', '2147483647']).timeout, 2147483647);
    assert.equal(parseGripFields([]).timeout, null);
  });

  it('is refused when it is no integer, negative or beyond 32 bits', () => {
    for (const value of ['', 'x', '5s', '1.5', '-1', '2147483648']) refuses(['Grip-Timeout', value], /Grip-Timeout/);
  });
});

describe('Grip-Keep-Alive', () => {
  it('is raw, idle and 55 seconds by default', () => {
    assert.deepEqual(keepAlive('hi, there'), { content: 'hi, there', timeout: 55, mode: 'idle' });
    assert.deepEqual(keepAlive('hi; format=; mode=;'), { content: 'hi', timeout: 55, mode: 'idle' });
    assert.equal(parseGripFields([]).keepAlive, null);
  });

  it('takes timeout and mode', () => {
    assert.deepEqual(keepAlive('x; timeout=20; mode=interval'), { content: 'x', timeout: 20, mode: 'interval' });
    assert.deepEqual(keepAlive('x; Timeout="0"; MODE=idle'), { content: 'x', timeout: 0, mode: 'idle' });
  });

  it('takes all formats', () => {
    assert.equal(keepAlive('\\n\u00c3; format=raw')?.content, '\\n\u00c3');
    assert.equal(keepAlive('event: ka\\ndata:\\n\\n\\x3b; format=cstring')?.content, 'event: ka\ndata:\n\n;');
    assert.equal(keepAlive('aGk=; format=base64')?.content, 'hi');
    assert.equal(keepAlive('aG!k; format=base64')?.content, 'hi');
  });

  it('is refused without content, with unknown words, a bad escape or a bad timeout', () => {
    const values = ['', '; timeout=5', 'x; mode=often', 'x; mode=Idle', 'x; format=hex', '\\x1; format=cstring'];
    for (const value of [...values, 'x; timeout=', 'x; timeout=y', 'x; timeout=-1', 'x; mode="idle']) {
      refuses(['Grip-Keep-Alive', value], /Grip-Keep-Alive/);
    }
  });
});

describe('Grip-Set-Meta', () => {
  it('sets names from lists and repeated fields, values quoted or not', () => {
    const { meta } = parseGripFields([
      'Grip-Set-Meta',
      'user=alice, b="x, \\"y\\""',
      'grip-set-meta',
      'user=bob; a=b, c',
    ]);
    assert.deepEqual({ ...meta }, { user: 'bob', b: 'x, "y"', c: '' });
  });

  it('reads names and values as UTF-8, and finds nothing that was not set', () => {
    const { meta } = parseGripFields(['Grip-Set-Meta', '\u00c3\u00a9=\u00e2\u0082\u00ac, __proto__=p']);
    assert.deepEqual(Object.entries(meta), [
      ['é', '€'],
      ['__proto__', 'p'],
    ]);
    assert.equal(parseGripFields([]).meta.toString, undefined);
  });

  it('is refused with an empty element, no name or an open quote', () => {
    for (const value of ['a=b,,c=d', '=x', '; a=b', 'a="b']) refuses(['Grip-Set-Meta', value], /Grip-Set-Meta/);
  });
});

describe('Grip-Status', () => {
  it('is a code and an optional reason', () => {
    assert.deepEqual(parseGripFields(['Grip-Status', '404 Not Here']).status, { code: 404, reason: 'Not Here' });
    assert.deepEqual(parseGripFields(['Grip-Status', '999']).status, { code: 999, reason: '' });
    assert.deepEqual(parseGripFields(['Grip-Status', '0']).status, { code: 0, reason: '' });
    assert.equal(parseGripFields(['Grip-Status', '']).status, null);
    assert.equal(parseGripFields([]).status, null);
  });

  it('is refused outside of 0 to 999', () => {
    for (const value of ['1000', '-1', 'OK', '2e2', '20x OK', ' OK']) refuses(['Grip-Status', value], /Grip-Status/);
  });
});

describe('Grip-Expose-Headers', () => {
  it('collects names in lower case', () => {
    const { exposed } = parseGripFields(['Grip-Expose-Headers', 'X-A, ,x-b', 'Grip-Expose-Headers', 'X-C']);
    assert.deepEqual([...exposed], ['x-a', 'x-b', 'x-c']);
    assert.equal(parseGripFields(['Grip-Expose-Headers', ' , ']).exposed.size, 0);
  });
});

describe('other Grip- fields', () => {
  it('are passed over', () => {
    const headers = ['Grip-Link', 'nonsense', 'Grip-Session-Id', 's', 'Grip-Last', 'c; last-id=1', 'Grip-New', '?'];
    assert.deepEqual(parseGripFields(headers), parseGripFields([]));
  });
});
