import { parseAllDocuments, type Tags } from 'yaml';

const octal = {
  identify: () => false,
  default: true,
  tag: 'tag:yaml.org,2002:int',
  test: /^[-+]?0o[0-7]+$/,
  resolve: (text: string) => Number(text.replace('+', '')),
} as const;

const isUnknownToHelm = (tag: Tags[number]) =>
  typeof tag === 'object' &&
  (tag.tag === 'tag:yaml.org,2002:timestamp' || ('format' in tag && tag.format === 'TIME'));

/**
 * The documents of a text as Helm and kubectl read them: YAML 1.1 with its `yes`, `0755` and `<<`, but
 * without base-60 numbers and dates, and with the octal numbers of 1.2 too. Throws on the first mistake.
 */
export function parseYaml(text: string): readonly unknown[] {
  const customTags = (tags: Tags) => [...tags.filter((tag) => !isUnknownToHelm(tag)), octal];
  return [...parseAllDocuments(text, { version: '1.1', merge: true, customTags })].map(
    (document) => {
      const [mistake] = document.errors;
      if (mistake !== undefined) throw mistake;
      return document.toJS();
    },
  );
}

/** A values file; an empty one changes nothing. */
export function parseValues(text: string): unknown {
  return parseYaml(text)[0] ?? {};
}
