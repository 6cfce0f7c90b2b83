import { parse, type Tags } from 'yaml';

const octal = {
  identify: () => false,
  default: true,
  tag: 'tag:yaml.org,2002:int',
  test: /^[-+]?0o[0-7]+$/,
  resolve: (text: string) => Number(text.replace('+', '')),
} as const;

/**
 * Reads a values file as Helm does: YAML 1.1 with its `yes` and `0755` and with `<<`, but without
 * base-60 numbers and dates, and with the octal numbers of 1.2 too.
 */
export function parseValues(text: string): unknown {
  const customTags = (tags: Tags): Tags => [
    ...tags.filter(
      (tag) =>
        typeof tag === 'string' ||
        (tag.tag !== 'tag:yaml.org,2002:timestamp' && !('format' in tag && tag.format === 'TIME')),
    ),
    octal,
  ];
  return parse(text, { version: '1.1', merge: true, customTags }) ?? {};
}
