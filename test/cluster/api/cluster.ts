import { createHash, randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { checkFields } from './fields.ts';
import { ApiFailure, type ApiObject, isObject, type Json, objectAt } from './objects.ts';
import { type FieldOwner, parseOwners, printOwners } from './owners.ts';
import { RESOURCES, type Resource } from './resources.ts';

export interface ClusterEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly resource: Resource;
  readonly object: ApiObject;
}

/**
 * The objects of a cluster whose controllers are infinitely fast: what is applied is ready. Objects are
 * checked as a strict API server checks them.
 */
export class Cluster {
  readonly events = new EventEmitter<{ event: [ClusterEvent] }>();
  private readonly objects = new Map<string, ApiObject>();
  private revision = 100;

  constructor() {
    this.events.setMaxListeners(0);
    for (const name of ['default', 'kube-system']) {
      const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
      this.write(resourceOf('Namespace'), '', namespace, [], undefined);
    }
  }

  get resourceVersion(): string {
    return String(this.revision);
  }

  find(resource: Resource, namespace: string, name: string): ApiObject | undefined {
    return this.objects.get(keyOf(resource, namespace, name));
  }

  get(resource: Resource, namespace: string, name: string): ApiObject {
    const found = this.find(resource, namespace, name);
    if (found !== undefined) return found;
    throw new ApiFailure(404, 'NotFound', `${resource.name} "${name}" not found`, {
      name,
      kind: resource.name,
    });
  }

  /** Of all namespaces when it is empty. */
  list(resource: Resource, namespace: string): ApiObject[] {
    const prefix = `${resource.groupVersion}|${resource.name}|`;
    return [...this.objects]
      .filter(([key]) => key.startsWith(prefix))
      .map(([, object]) => object)
      .filter(({ metadata }) => namespace === '' || metadata.namespace === namespace);
  }

  /** Stores an object, and does at once what its controllers do. */
  write(
    resource: Resource,
    namespace: string,
    wanted: ApiObject,
    owners: readonly FieldOwner[],
    live: ApiObject | undefined,
  ): ApiObject {
    checkFields(wanted, resource.type);
    checkSense(wanted, live);
    if (resource.isNamespaced && this.find(resourceOf('Namespace'), '', namespace) === undefined) {
      throw new ApiFailure(404, 'NotFound', `namespaces "${namespace}" not found`);
    }
    this.revision += 1;
    const before = live?.metadata;
    const isSpecChanged = JSON.stringify(live?.['spec']) !== JSON.stringify(wanted['spec']);
    const object: ApiObject = {
      ...wanted,
      metadata: {
        ...wanted.metadata,
        ...(resource.isNamespaced ? { namespace } : {}),
        uid: before?.uid ?? randomUUID(),
        creationTimestamp: before?.['creationTimestamp'] ?? '2026-01-01T00:00:00Z',
        resourceVersion: String(this.revision),
        generation: (before?.generation ?? 0) + (isSpecChanged ? 1 : 0),
        managedFields: printOwners(owners, resource.groupVersion),
      },
    };
    settle(object);
    this.objects.set(keyOf(resource, namespace, object.metadata.name), object);
    this.events.emit('event', {
      type: live === undefined ? 'ADDED' : 'MODIFIED',
      resource,
      object,
    });
    if (object.kind === 'Deployment') this.writeReplicaSet(object, namespace);
    return object;
  }

  delete(resource: Resource, namespace: string, name: string): ApiObject {
    const object = this.get(resource, namespace, name);
    this.objects.delete(keyOf(resource, namespace, name));
    this.revision += 1;
    this.events.emit('event', { type: 'DELETED', resource, object });
    if (object.kind === 'Deployment') this.deleteOwned(object, namespace);
    return object;
  }

  /** Names of what is there, as `kind/name`, for tests. What the cluster itself brings is left out. */
  names(): string[] {
    return [...this.objects.values()]
      .filter(({ kind }) => !['Namespace', 'ReplicaSet'].includes(kind))
      .map(({ kind, metadata }) => `${kind}/${metadata.name}`)
      .toSorted();
  }

  private writeReplicaSet(deployment: ApiObject, namespace: string): void {
    const { template, selector, replicas } = objectAt(deployment, 'spec');
    const hash = createHash('sha256').update(JSON.stringify(template)).digest('hex').slice(0, 10);
    const resource = resourceOf('ReplicaSet');
    const name = `${deployment.metadata.name}-${hash}`;
    const owned = isObject(template) ? objectAt(objectAt(template, 'metadata'), 'labels') : {};
    this.deleteOwned(deployment, namespace);
    const replicaSet = {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: {
        name,
        labels: { ...owned, 'pod-template-hash': hash } as Record<string, string>, // Labels are texts.
        ownerReferences: [
          {
            apiVersion: 'apps/v1',
            kind: 'Deployment',
            name: deployment.metadata.name,
            uid: deployment.metadata.uid,
            controller: true,
          },
        ],
      },
      spec: { replicas: replicas ?? 1, selector, template },
    };
    this.write(resource, namespace, replicaSet, [], undefined);
  }

  private deleteOwned(deployment: ApiObject, namespace: string): void {
    const resource = resourceOf('ReplicaSet');
    for (const { metadata } of this.list(resource, namespace)) {
      const references = metadata['ownerReferences'];
      const isOwned =
        Array.isArray(references) &&
        references.some((each) => isObject(each) && each['uid'] === deployment.metadata.uid);
      if (isOwned) this.delete(resource, namespace, metadata.name);
    }
  }
}

export function ownersOf(object: ApiObject | undefined): readonly FieldOwner[] {
  return parseOwners(object?.metadata.managedFields ?? []);
}

function resourceOf(kind: string): Resource {
  const found = RESOURCES.find((each) => each.kind === kind);
  if (found === undefined) throw new Error(`no resource of kind ${kind}`);
  return found;
}

function keyOf(resource: Resource, namespace: string, name: string): string {
  return [resource.groupVersion, resource.name, resource.isNamespaced ? namespace : '', name].join(
    '|',
  );
}

/** What a server refuses besides wrong fields, of what the chart could get wrong. */
function checkSense(wanted: ApiObject, live: ApiObject | undefined): void {
  const { kind, metadata } = wanted;
  const refuse = (field: string, reason: string) => {
    const message = `${kind} "${metadata.name}" is invalid: ${field}: ${reason}`;
    throw new ApiFailure(422, 'Invalid', message);
  };
  if (!/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(metadata.name)) {
    refuse('metadata.name', `"${metadata.name}" is no DNS name`);
  }
  const spec = objectAt(wanted, 'spec');
  if (kind === 'Deployment') {
    const selected = objectAt(objectAt(spec, 'selector'), 'matchLabels');
    const labels = objectAt(objectAt(objectAt(spec, 'template'), 'metadata'), 'labels');
    const isMatch = Object.entries(selected).every(([key, value]) => labels[key] === value);
    if (!isMatch) refuse('spec.template.metadata.labels', '`selector` does not match them');
    const before = live === undefined ? undefined : objectAt(live, 'spec')['selector'];
    if (before !== undefined && JSON.stringify(before) !== JSON.stringify(spec['selector'])) {
      refuse('spec.selector', 'field is immutable');
    }
  }
  if (kind === 'PersistentVolumeClaim' && live !== undefined) {
    const [before, after] = [objectAt(live, 'spec'), spec].map(({ resources: _size, ...rest }) =>
      JSON.stringify(Object.entries(rest).toSorted()),
    );
    if (before !== after) refuse('spec', 'is immutable after creation except resources.requests');
  }
}

/** Fills in what controllers write: everything is ready. */
function settle(object: ApiObject): void {
  const spec = objectAt(object, 'spec');
  const { generation: observedGeneration = 1 } = object.metadata;
  const replicas = spec['replicas'] ?? 1;
  const condition = (type: string, reason: string) => ({ type, status: 'True', reason });
  const counts = { replicas, readyReplicas: replicas, availableReplicas: replicas };
  const statuses: Readonly<Record<string, Json>> = {
    Deployment: {
      ...counts,
      observedGeneration,
      updatedReplicas: replicas,
      conditions: [
        condition('Available', 'MinimumReplicasAvailable'),
        condition('Progressing', 'NewReplicaSetAvailable'),
      ],
    },
    ReplicaSet: { ...counts, observedGeneration },
    Pod: { phase: 'Succeeded', conditions: [condition('Ready', 'PodCompleted')] },
    PersistentVolumeClaim: { phase: 'Bound' },
    PodDisruptionBudget: { observedGeneration, currentHealthy: 1, desiredHealthy: 1 },
    Namespace: { phase: 'Active' },
    Service:
      spec['type'] === 'LoadBalancer'
        ? { loadBalancer: { ingress: [{ ip: '203.0.113.10' }] } }
        : { loadBalancer: {} },
  };
  const status = statuses[object.kind];
  if (status !== undefined) object['status'] = status;
  if (object.kind === 'Service') spec['clusterIP'] ??= '10.0.0.1';
}
