import { ApiFailure, type Json } from './objects.ts';

/**
 * The typed clients inside Helm send the Secret that holds a release in the binary form of the API. Of that, enough to
 * read one: runtime.Unknown → Secret → ObjectMeta, by the field numbers of k8s.io/api/core/v1.
 */
const MAGIC = Buffer.from('k8s\0');

export function isBinary(body: Buffer): boolean {
  return body.subarray(0, MAGIC.length).equals(MAGIC);
}

export function readSecret(body: Buffer): Json {
  const unknown = fieldsOf(body.subarray(MAGIC.length));
  const typeMeta = fieldsOf(bytes(unknown, 1));
  const kind = text(typeMeta, 2);
  if (kind !== 'Secret') {
    throw new ApiFailure(
      415,
      'UnsupportedMediaType',
      `${kind} in the binary form is not known here`,
    );
  }
  const secret = fieldsOf(bytes(unknown, 2));
  const metadata = fieldsOf(bytes(secret, 1));
  return {
    apiVersion: 'v1',
    kind,
    metadata: {
      name: text(metadata, 1),
      labels: mapOf(metadata, 11, (value) => value.toString()),
      annotations: mapOf(metadata, 12, (value) => value.toString()),
    },
    data: mapOf(secret, 2, (value) => value.toString('base64')),
    type: text(secret, 3),
  };
}

type Field = readonly [number: number, value: Buffer];

const LENGTH_DELIMITED = 2;
const FIXED_BYTES: Readonly<Record<number, number>> = { 1: 8, 5: 4 };

function fieldsOf(buffer: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = buffer[at++] ?? 0;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) break;
    }
    return value;
  };
  while (at < buffer.length) {
    const tag = varint();
    const wireType = tag & 7;
    const start = at;
    if (wireType === 0) {
      varint();
      fields.push([tag >> 3, buffer.subarray(start, at)]);
      continue;
    }
    const length = wireType === LENGTH_DELIMITED ? varint() : (FIXED_BYTES[wireType] ?? Infinity);
    fields.push([tag >> 3, buffer.subarray(at, at + length)]);
    at += length;
  }
  return fields;
}

function bytes(fields: readonly Field[], number: number): Buffer {
  return fields.find(([each]) => each === number)?.[1] ?? Buffer.alloc(0);
}

function text(fields: readonly Field[], number: number): string {
  return bytes(fields, number).toString();
}

function mapOf(fields: readonly Field[], number: number, read: (value: Buffer) => string) {
  const entries = fields
    .filter(([each]) => each === number)
    .map(([, entry]) => {
      const parts = fieldsOf(entry);
      return [text(parts, 1), read(bytes(parts, 2))];
    });
  return Object.fromEntries(entries) as Record<string, string>; // Pairs of texts.
}
