import { type Expression, isMap } from './expression.ts';
import { Node, SPREADS } from './node.ts';

/**
 * A change of the object that cdk8s has rendered: what its constructs can not say. Only this late
 * may nodes such as `when` be put in, since cdk8s drops what it does not know.
 */
export type Change = (object: Record<string, unknown>) => void;

/**
 * Paths are JSON pointers (RFC 6901), so `-` is the place after the last item of a list. Besides,
 * `[name=bridge]` finds an item: `/spec/template/spec/containers/[name=bridge]/env/-`. Maps on the
 * way are made when absent.
 */
export function set(path: string, node: unknown): Change {
  return (object) => {
    const { holder, key } = find(object, path);
    Reflect.set(holder, key, node);
  };
}

export function remove(path: string): Change {
  return (object) => {
    const { holder, key } = find(object, path);
    if (Reflect.get(holder, key) === undefined) {
      throw new Error(`${path}: nothing is there; change the path, or remove the change`);
    }
    if (Array.isArray(holder)) holder.splice(Number(key), 1);
    else Reflect.deleteProperty(holder, key);
  };
}

/** Adds what a value holds to the map or list at `path`. */
export function spread(path: string, expression: Expression): Change {
  return (object) => {
    const { holder } = find(object, `${path}/0`);
    const node = new Node('spread', expression);
    if (Array.isArray(holder)) holder.push(node);
    else Reflect.set(holder, SPREADS, [...(Reflect.get(holder, SPREADS) ?? []), node]);
  };
}

function find(object: Record<string, unknown>, path: string): { holder: object; key: string } {
  const [, ...parts] = path.split('/');
  const segments = parts.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  let holder: object = object;
  for (const segment of segments.slice(0, -1)) {
    const key = keyOf(holder, segment, path);
    const next: unknown = Reflect.get(holder, key) ?? {};
    if (!Array.isArray(next) && !isMap(next)) {
      throw new Error(`${path}: ${segment} is no map and no list; change the path`);
    }
    Reflect.set(holder, key, next);
    holder = next;
  }
  return { holder, key: keyOf(holder, segments.at(-1) ?? '', path) };
}

function keyOf(holder: object, segment: string, path: string): string {
  if (segment === '-') {
    if (!Array.isArray(holder)) throw new Error(`${path}: no list to add to; set() one first`);
    return String(holder.length);
  }
  const selector = /^\[(\w+)=(.*)\]$/.exec(segment);
  if (selector === null) return segment;
  const [, name = '', wanted] = selector;
  const list: readonly unknown[] = Array.isArray(holder) ? holder : [];
  const index = list.findIndex((each) => isMap(each) && each[name] === wanted);
  if (index < 0) throw new Error(`${path}: no item with ${name} ${wanted}; change the path`);
  return String(index);
}
