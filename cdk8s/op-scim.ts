import type { Construct } from 'constructs';
import { helpers } from './helpers.ts';
import type { Environment } from './lib/expression.ts';
import { mistakesOf } from './lib/schema.ts';
import { Synthesis } from './lib/token.ts';
import { defaultsOf, layOver, schemaOf } from './lib/values.ts';
import { bridgeDeployment } from './objects/bridge.ts';
import { config } from './objects/config.ts';
import { extraObjects } from './objects/extra.ts';
import { monitoring } from './objects/monitoring.ts';
import { networkPolicies } from './objects/network.ts';
import { redisObjects } from './objects/redis.ts';
import { scaling } from './objects/scaling.ts';
import { services } from './objects/services.ts';
import { sessionObjects } from './objects/session.ts';
import { testPod } from './objects/test-pod.ts';
import { ReleaseChart } from './release-chart.ts';
import { definition, type OpScimValues } from './values.ts';
import { VERSION } from './version.ts';

export type { OpScimValues } from './values.ts';

export interface OpScimProps {
  /** What stands for a Helm release: `Name` begins the names of all objects. Default: op-scim. */
  readonly release?: Partial<Environment['Release']>;
  /** Laid over the defaults, which are those of charts/op-scim/values.yaml. */
  readonly values?: OpScimValues;
}

export const valuesSchema = schemaOf(definition, 'Values of op-scim');

/** The bridge, Redis and the load balancer, for any chart of a cdk8s app. */
export class OpScim extends ReleaseChart {
  /** Throws an Error that names each value that is wrong. */
  constructor(scope: Construct, id: string, props: OpScimProps = {}) {
    const release = { Name: 'op-scim', Namespace: 'default', Service: 'cdk8s', ...props.release };
    super(scope, id, new Synthesis(environmentOf(props.values ?? {}, release)));
    createObjects(this);
  }
}

/** The same objects as Helm templates. */
export class OpScimTemplates extends ReleaseChart {
  constructor(scope: Construct, id: string) {
    super(scope, id, new Synthesis());
    createObjects(this);
  }

  /** The files of the chart's folder `templates/`, without NOTES.txt. */
  files(): ReadonlyMap<string, string> {
    return this.templates(helpers, 'Made by "npm run synth" from cdk8s/. Edits here are lost.');
  }
}

/** For a release as Helm names it. Throws as OpScim does. */
export function environmentOf(values: unknown, release: Environment['Release']): Environment {
  const all = layOver(defaultsOf(definition), values);
  const mistakes = mistakesOf(valuesSchema, all);
  if (mistakes.length > 0) {
    throw new Error(
      `values of op-scim are wrong:\n${mistakes.map((each) => `  ${each}`).join('\n')}`,
    );
  }
  const chart = { Name: 'op-scim', Version: VERSION, AppVersion: VERSION };
  // A mistake would have been found above, were it no map.
  return { Values: all as Environment['Values'], Release: release, Chart: chart };
}

function createObjects(chart: ReleaseChart): void {
  chart.checkRules();
  config(chart);
  sessionObjects(chart);
  const bridge = bridgeDeployment(chart);
  services(chart);
  redisObjects(chart);
  scaling(chart, bridge);
  networkPolicies(chart);
  monitoring(chart);
  chart.helmOnly(() => testPod(chart));
  chart.labelAll();
  extraObjects(chart);
}
