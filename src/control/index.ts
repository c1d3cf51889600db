export { controlErrorText } from './control-error-text.ts';
export { metricsService } from './metrics-service.ts';
export { type Publisher, type PublishServiceOptions, publishService } from './publish-service.ts';
