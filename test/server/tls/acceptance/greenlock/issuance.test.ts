import { issuanceTests } from '../suites/issuance.ts';

issuanceTests('greenlock');
