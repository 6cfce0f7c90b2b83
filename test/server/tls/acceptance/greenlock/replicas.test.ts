import { replicaTests } from '../suites/replicas.ts';

replicaTests('greenlock');
