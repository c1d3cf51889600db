export { isSockJs, type SockJsPlace, SockJsServer } from './sockjs-server.ts';
