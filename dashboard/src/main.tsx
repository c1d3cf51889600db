import { render } from 'preact';
import { App } from './app.tsx';
import { followPlace } from './live/follow-place.ts';
import { Model } from './live/model.ts';
import { followTheme } from './live/theme.ts';

const model = new Model();
followTheme();
render(<App model={model} place={followPlace()} />, document.getElementById('app') as HTMLElement);
model.start();
