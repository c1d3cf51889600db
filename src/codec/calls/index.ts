export type { CallGuard } from './call-guard.ts';
