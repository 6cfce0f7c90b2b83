import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import { type Expression, goString, isMap, type NamedTemplate } from './expression.ts';
import { f } from './functions.ts';
import { evaluate } from './node.ts';
import type { Change } from './overlay.ts';
import { printObject } from './template.ts';
import type { Synthesis } from './token.ts';

/**
 * Objects that become templates of a Helm chart when `synthesis` has no environment, and plain
 * objects of any cdk8s chart when it has one.
 */
export class HelmChart extends Construct {
  readonly synthesis: Synthesis;
  #rules = '';
  readonly #files = new Map<string, string>();
  readonly #guards = new Map<ApiObject, Expression>();
  readonly #changes = new Map<ApiObject, Change[]>();

  constructor(scope: Construct, id: string, synthesis: Synthesis) {
    super(scope, id);
    this.synthesis = synthesis;
  }

  /** Refuses values of which `wrong` holds with `message`, in Helm and here. */
  refuse(wrong: Expression, message: string): void {
    this.#rules += `{{- if ${wrong.print()} }}\n{{- fail ${goString(message)} }}\n{{- end }}\n`;
    if (this.synthesis.holds(wrong) === true) throw new Error(message);
  }

  /**
   * Objects made in `create` are there when `condition` holds. Other objects point at them by a
   * name, not by the construct, which may not be there.
   */
  optional(condition: Expression, create: () => void): void {
    if (this.synthesis.holds(condition) === false) return;
    const before = new Set(this.objects);
    create();
    for (const object of this.objects.filter((each) => !before.has(each))) {
      const inner = this.#guards.get(object);
      this.#guards.set(object, inner === undefined ? condition : f.and(condition, inner));
    }
  }

  /** Objects that have a meaning for Helm alone, such as hooks. */
  helmOnly(create: () => void): void {
    if (this.synthesis.environment === undefined) create();
  }

  /** Objects that a value lists whole. */
  eachObject(id: string, list: Expression<readonly unknown[]>): void {
    const { environment } = this.synthesis;
    if (environment === undefined) {
      const range = `{{- range $object := ${list.print()} }}`;
      this.#files.set(`${id}.yaml`, `${range}\n---\n{{ toYaml $object }}\n{{- end }}\n`);
      return;
    }
    for (const [index, object] of list.evaluate(environment).entries()) {
      const { apiVersion, kind } = isMap(object) ? object : {};
      const props = { apiVersion: String(apiVersion), kind: String(kind) };
      new ApiObject(this, `${id}-${index}`, props).toJson = () => object;
    }
  }

  /** Changes what cdk8s renders of a construct's object, in this order. */
  patch(construct: Construct, ...changes: readonly Change[]): void {
    const object = ApiObject.of(construct);
    const known = this.#changes.get(object) ?? this.#layOver(object);
    known.push(...changes);
  }

  /** Lets the object render with the changes of the list, which may still grow. */
  #layOver(object: ApiObject): Change[] {
    const all: Change[] = [];
    this.#changes.set(object, all);
    const { environment } = this.synthesis;
    const render = object.toJson.bind(object);
    object.toJson = () => {
      const rendered: Record<string, unknown> = render();
      try {
        for (const change of all) change(rendered);
      } catch (cause) {
        throw new Error(`${object.kind} ${object.node.path}: ${String(cause)}`, { cause });
      }
      return environment === undefined ? rendered : evaluate(rendered, environment);
    };
    return all;
  }

  get objects(): readonly ApiObject[] {
    return this.node.findAll().filter((each) => ApiObject.isApiObject(each));
  }

  /** The files of `templates/`. `source` says in the head of each where it came from. */
  templates(named: readonly NamedTemplate[], source: string): ReadonlyMap<string, string> {
    const helpers = named.map((each) => each.printDefinition()).join('\n');
    const files = new Map([['_helpers.tpl', helpers], ...this.#files]);
    for (const object of this.objects) {
      const name = `${fileName(object, this)}.yaml`;
      const { path } = object.node;
      if (files.has(name)) throw new Error(`${path}: a second object for ${name}; change its id`);
      const body = printObject(object.toJson(), this.synthesis);
      const guard = this.#guards.get(object);
      const whole = guard === undefined ? body : `{{- if ${guard.print()} }}\n${body}{{- end }}\n`;
      files.set(name, `{{- /* ${source} */}}\n${whole}`);
    }
    return this.#rules === '' ? files : files.set('rules.yaml', this.#rules);
  }
}

/** The path of ids below the chart; cdk8s-plus calls the object of a construct `Resource`. */
function fileName(object: ApiObject, chart: HelmChart): string {
  const path = object.node.path.slice(chart.node.path.length + 1).replace(/\/Resource$/, '');
  return path.replaceAll('/', '-').toLowerCase();
}
