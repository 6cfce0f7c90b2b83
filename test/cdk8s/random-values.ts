import fc from 'fast-check';
import type { Schema } from '../../cdk8s/lib/schema.ts';
import type { Definition, Leaf } from '../../cdk8s/lib/values.ts';

/** Texts that YAML, Go templates or printf may take for something else. */
const WORDS = [
  ...['', 'a', 'scim.example.com', 'yes', '0755', '1e3', 'x: y # z', '{{ .Release.Name }}'],
  ...['é"\\\'', 'line1\nline2\n', '  pad', '<a&b>', 'null', '~', '100%', '%s %d', '⟦3⟧', 'true'],
  ...['- a', '2020-01-01', '\u2028', '*x', '&y', '!t', '@', '`', '0x1F', '1_000', '.5', '12:30:45'],
  ...['\u0001', '😀', '| a', '{{- end }}', '$1', '0o17', '=', '<<'],
] as const;
const KEYS = [
  'a',
  'b.c/d',
  'yes',
  'OP_X',
  'n',
  '1',
  'team',
  'checksum/config',
  'helm.sh/resource-policy',
];

/** Pieces of Kubernetes whose numbers, nulls and nesting pass through unread. */
const MAPS = [
  { requests: { cpu: '1', memory: 1_000_000 }, x: [1, 1.5, true, { 'a.b': null }] },
  { deep: { text: '0755', list: [] } },
];
const ITEMS = [
  [{ name: 'n1', mountPath: '/m', value: 'yes', key: 'k' }],
  [
    { name: 'n2', nested: { a: [1, 'x', 1_000_000] } },
    { name: 'n3', value: '7' },
  ],
];

const text = fc.constantFrom(...WORDS);

/** Values of the kinds that the schema allows, each with a chance of `percent`; rules may refuse them. */
export function randomValues(definition: Definition, percent: number): fc.Arbitrary<object> {
  const members = Object.entries(definition).map(([name, member]) => {
    if ('group' in member) return [name, randomValues(member.group, percent)] as const;
    const given = { arbitrary: randomLeaf(member, name), weight: percent };
    const absent = { arbitrary: fc.constant(undefined), weight: 100 - percent };
    return [name, fc.oneof(given, absent)] as const;
  });
  return fc
    .record(Object.fromEntries(members))
    .map((record) =>
      Object.fromEntries(
        Object.entries(record).filter(
          ([, value]) =>
            value !== undefined &&
            (typeof value !== 'object' ||
              Array.isArray(value) ||
              Object.keys(value ?? {}).length > 0),
        ),
      ),
    );
}

function randomLeaf({ kind, schema, fallback }: Leaf, name: string): fc.Arbitrary<unknown> {
  if (name === 'extraObjects') return extraObjects;
  switch (kind) {
    case 'bool':
      return fc.boolean();
    case 'int':
      return integer(schema);
    case 'any':
      return fc.constantFrom(0, 1, 3, '50%');
    case 'string':
      return string(schema);
    case 'map':
      return schema.additionalProperties === undefined
        ? fc.constantFrom({}, ...MAPS)
        : fc.dictionary(fc.constantFrom(...KEYS), text, { maxKeys: 4 });
    default:
      return list(schema.items ?? {}, fallback);
  }
}

/** The ends and one that Helm prints as 1e+06 unless told not to. */
function integer({ minimum = 0, maximum = 2_000_000 }: Schema): fc.Arbitrary<number> {
  const ends = [minimum, maximum, Math.min(1_000_000, maximum)].filter((each) => each >= minimum);
  return fc.oneof(fc.constantFrom(...ends), fc.integer({ min: minimum, max: maximum }));
}

function string(schema: Schema): fc.Arbitrary<string> {
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.pattern === undefined) return text;
  const { maxLength = 60, minLength = 0 } = schema;
  // Control characters print in more ways than one; U+007F makes Helm's toYaml drop the whole map.
  return fc
    .stringMatching(new RegExp(schema.pattern), { size: 'small' })
    .filter((each) => each.length >= minLength && each.length <= maxLength && !/\p{C}/u.test(each));
}

function list(items: Schema, fallback: unknown): fc.Arbitrary<unknown> {
  if (items.type === 'string') return fc.array(string(items), { maxLength: 3 });
  if (items.properties === undefined) return fc.constantFrom([], ...ITEMS);
  const hosts = [{ host: 'a.example' }, { host: '*.b.example' }].map((each) => ({
    ...each,
    path: '/x',
  }));
  return fc.constantFrom(fallback, hosts);
}

const extraObjects = fc.constantFrom(
  [],
  [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'mine' },
      data: { a: '{{ x }}', b: '0755' },
    },
  ],
  [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'one', labels: { a: 'b' } },
      data: {},
    },
    {
      apiVersion: 'example.com/v1',
      kind: 'Thing',
      metadata: { name: 'two' },
      spec: { n: 1_000_000 },
    },
  ],
);
