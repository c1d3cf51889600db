import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ContentError } from '../../../../src/codec/content/content-error.ts';
import { GripError, PublishError } from '../../../../src/codec/grip/grip-error.ts';
import { Http1Error } from '../../../../src/codec/http1/http1-error.ts';
import { Mongrel2Error } from '../../../../src/codec/mongrel2/mongrel2-error.ts';
import { TnetstringError } from '../../../../src/codec/tnetstring/tnetstring-error.ts';
import { HandshakeError, WebSocketError } from '../../../../src/codec/websocket/websocket-error.ts';
import { FieldError } from '../../../../src/codec/zhttp/field-source.ts';
import { ZhttpError } from '../../../../src/codec/zhttp/zhttp-error.ts';
import { ZmtpError } from '../../../../src/codec/zmtp/zmtp-error.ts';
import { ExchangeError } from '../../../../src/exchange/index.ts';

test('errors about input have a message and no stack, and other errors keep theirs', () => {
  const limit = Error.stackTraceLimit;
  for (const error of [
    new ContentError('why'),
    new GripError('why'),
    new PublishError('why'),
    new Http1Error('malformed', 'why'),
    new Mongrel2Error('malformed', 'why'),
    new TnetstringError('why'),
    new WebSocketError(1002, 'why'),
    new HandshakeError('why'),
    new FieldError('invalid', 'why'),
    new ZhttpError('malformed', 'why'),
    new ZmtpError('malformed', 'why'),
    new ExchangeError('HF_BAD_REQUEST', 'why'),
  ]) {
    assert.match(error.message, /why$/);
    assert.doesNotMatch(error.stack ?? '', /\n +at /, error.name);
  }
  assert.equal(Error.stackTraceLimit, limit);
  assert.match(new Error('ours').stack ?? '', /\n +at /);
});
