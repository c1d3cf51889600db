export { controlErrorText } from './control-error-text.ts';
export { metricsService } from './metrics-service.ts';
export { type AccessRules, authorized } from './publish-access.ts';
export { type Publisher, type PublishServiceOptions, publishService } from './publish-service.ts';
