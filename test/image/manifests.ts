import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { V1ConfigMap, V1Deployment } from '@kubernetes/client-node';
import { parseAllDocuments } from 'yaml';
import { textsOf } from './pod.ts';

const MANIFESTS = 'dist/default.k8s.yaml';

/** The part of `kubectl apply -f dist/` that one machine can run. */
export interface Manifests {
  readonly bridge: V1Deployment;
  readonly redis: V1Deployment;
  readonly configMaps: ReadonlyMap<string, Readonly<Record<string, string>>>;
}

export function readManifests(): Manifests {
  const objects = parseAllDocuments(readFileSync(MANIFESTS, 'utf8')).map(
    (document) => document.toJS() as { kind: string; metadata: { name: string } }, // Checked below.
  );
  const find = (kind: string, name: string) => {
    const found = objects.find((each) => each?.kind === kind && each.metadata.name === name);
    assert.ok(found, `${MANIFESTS} has no ${kind} ${name}`);
    return found;
  };
  const configMaps = objects
    .filter((each): each is typeof each & V1ConfigMap => each?.kind === 'ConfigMap')
    .map((each) => [each.metadata.name, textsOf(each)] as const);
  return {
    bridge: find('Deployment', 'op-scim-bridge'),
    redis: find('Deployment', 'op-scim-redis'),
    configMaps: new Map(configMaps),
  };
}

export function imageOf(deployment: V1Deployment): string {
  const image = deployment.spec?.template.spec?.containers[0]?.image;
  assert.ok(image);
  return image;
}
