export { IdLine } from './id-line.ts';
