export { type ClientHello, MAX_HELLO_BYTES, readClientHello } from './client-hello.ts';
