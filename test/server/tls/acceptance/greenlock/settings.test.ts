import { settingTests } from '../suites/settings.ts';

settingTests('greenlock');
