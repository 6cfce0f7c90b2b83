import { settingTests } from '../suites/settings.ts';

settingTests('native');
