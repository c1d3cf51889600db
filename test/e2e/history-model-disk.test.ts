import { testModel } from '../support/history/test-model.ts';

testModel('disk');
