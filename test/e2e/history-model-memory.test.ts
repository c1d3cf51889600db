import { testModel } from '../support/history/test-model.ts';

testModel('memory');
