import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Counters } from '../../../src/exchange/index.ts';
import { ChannelRules, type HubHistory, patternKey } from '../../../src/hub/index.ts';
import { type HistoryStream, StreamHistory } from '../../../src/hub/stream-history.ts';
import { rule } from './history-rig.ts';

/** A stream that takes all it gets. */
class FakeStream implements HistoryStream {
  ready = true;
  ended = false;
  text = '';

  give(): void {}

  append(bytes: Buffer): void {
    this.text += bytes.toString();
  }
}

type Room = ConstructorParameters<typeof StreamHistory>[0];

function roomOf(): Room {
  return { history: { rules: new ChannelRules([rule('>')]) }, counters: new Counters() } as unknown as Room;
}

test('a client by pattern that has missed items of too many channels is told of a gap', () => {
  const stream = new FakeStream();
  const asked: number[] = [];
  const source: HubHistory = {
    epoch: 'e',
    ask: ({ channels }, done) => {
      asked.push(channels.length);
      done({ gaps: [], items: [], head: 5_000, more: false });
    },
  };
  const options = { keys: [patternKey('x.>')], since: null, prefix: '', join: 'none' } as const;
  const history = new StreamHistory(roomOf(), source, stream, options);
  history.start();
  stream.ready = false;
  for (let i = 1; i <= 5_000; i++) history.missed(`x.${i}`, i);
  stream.ready = true;
  history.pump();
  assert.deepEqual(asked, [0, 1_001]);
  assert.match(stream.text, /event: gap\ndata: \{"channels":\["x\.>"\]\}\n\n$/);
});
