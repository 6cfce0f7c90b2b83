import { replicaTests } from '../suites/replicas.ts';

replicaTests('native');
