import { renewalTests } from '../suites/renewal.ts';

renewalTests('native');
