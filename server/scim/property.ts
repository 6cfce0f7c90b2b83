/** A property of a message, whose name is as the RFC has it or in another letter case (RFC 7643 §2.1). */
export function property(message: Readonly<Record<string, unknown>>, name: string): unknown {
  if (Object.hasOwn(message, name)) return message[name];
  const lowerName = name.toLowerCase();
  const key = Object.keys(message).find((key) => key.toLowerCase() === lowerName);
  return key === undefined ? undefined : message[key];
}
