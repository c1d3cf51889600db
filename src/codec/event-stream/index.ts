export { CR, endOfLine, LF } from './end-of-line.ts';
export { IdLine } from './id-line.ts';
