import { isObject, type Json } from './objects.ts';

/**
 * Lists whose elements have keys, by the field that holds them and the fields of the key: these merge
 * element by element. All other lists are one value. From the API's own markers
 * (x-kubernetes-list-map-keys, x-kubernetes-patch-merge-key).
 */
const KEYED: readonly { readonly path: RegExp; readonly keys: readonly string[] }[] = [
  { path: /(?:^|\.)(?:containers|initContainers|ephemeralContainers)$/, keys: ['name'] },
  { path: /(?:c|C)ontainers\.env$/, keys: ['name'] },
  { path: /(?:c|C)ontainers\.volumeMounts$/, keys: ['mountPath'] },
  { path: /(?:c|C)ontainers\.ports$/, keys: ['containerPort', 'protocol'] },
  { path: /spec\.volumes$/, keys: ['name'] },
  { path: /spec\.imagePullSecrets$/, keys: ['name'] },
  { path: /spec\.hostAliases$/, keys: ['ip'] },
  { path: /spec\.topologySpreadConstraints$/, keys: ['topologyKey', 'whenUnsatisfiable'] },
  { path: /^spec\.ports$/, keys: ['port', 'protocol'] },
  { path: /^status\.conditions$/, keys: ['type'] },
  { path: /^metadata\.ownerReferences$/, keys: ['uid'] },
];

/** Maps that are one value: two owners can not share them. */
const ATOMIC =
  /(?:^|\.)(?:selector|nodeSelector|labelSelector|podSelector|namespaceSelector|secretRef|configMapRef|secretKeyRef|configMapKeyRef|fieldRef|affinity)$/;

const DEFAULTS: Json = { protocol: 'TCP' };

/** Fields of the key of a list's elements; undefined where the list is one value. `path` has no indexes. */
export function listKeys(path: string): readonly string[] | undefined {
  return KEYED.find((each) => each.path.test(path))?.keys;
}

export function isAtomic(path: string): boolean {
  return ATOMIC.test(path);
}

/** The key of an element, in a form that compares; a default stands for a field that is left out. */
export function keyOf(element: unknown, keys: readonly string[]): Json {
  const object = isObject(element) ? element : {};
  return Object.fromEntries(keys.map((key) => [key, object[key] ?? DEFAULTS[key]]));
}

export function isSameKey(element: unknown, key: Json): boolean {
  const keys = Object.keys(key);
  return JSON.stringify(keyOf(element, keys)) === JSON.stringify(keyOf(key, keys));
}
