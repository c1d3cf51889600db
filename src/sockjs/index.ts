export { sockJsRefusal } from './sockjs-responses.ts';
export { isSockJs, isSockJsWebSocket, type SockJsPlace, SockJsServer } from './sockjs-server.ts';
