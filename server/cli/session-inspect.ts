import { OperatorError } from '#base/operator-error.ts';
import type { SessionFile } from '#session/format.ts';
import { type CommandIo, parseOptions, write } from './command.ts';
import { readSessionFile } from './session-file.ts';

/** `op-scim session inspect`: what is public in the file. Proves nothing: only a token opens it. */
export async function inspectCommand(args: string[], io: CommandIo): Promise<number> {
  const options = { output: { type: 'string' } } as const;
  const { values, positionals } = parseOptions(args, options, 'op-scim session inspect');
  const [path, ...others] = positionals;
  const output = values.output ?? 'text';
  if (path === undefined || others.length > 0 || !['text', 'json'].includes(output)) {
    throw new OperatorError(
      'Say "op-scim session inspect FILE", with --output text or json if you like.',
    );
  }
  const session = publicPart(readSessionFile(path), Date.now());
  const json = () => `${JSON.stringify(session, undefined, 2)}\n`;
  await write(io.stdout, output === 'json' ? json() : table(session));
  return 0;
}

type PublicSession = ReturnType<typeof publicPart>;

function publicPart(session: SessionFile, nowMs: number) {
  return {
    id: session.id,
    ...session.meta,
    tokens: session.tokens.map(({ kid, scope, strict, createdAt, notAfter }) => {
      const hasEnded = notAfter !== null && Date.parse(notAfter) <= nowMs;
      return { kid, scope, strict, createdAt, notAfter, hasEnded };
    }),
  };
}

function table(session: PublicSession): string {
  const lines = [
    `session  ${session.id}`,
    `account  ${session.accountId}`,
    `kind     ${session.kind}`,
    `created  ${session.createdAt}`,
    `domain   ${session.domain || '(none)'}`,
    '',
    `${'kid'.padEnd(14)}${'scope'.padEnd(8)}${'strict'.padEnd(8)}${'created'.padEnd(26)}good until`,
  ];
  for (const { kid, scope, strict, createdAt, notAfter, hasEnded } of session.tokens) {
    const end = notAfter === null ? 'no end' : `${notAfter}${hasEnded ? ' (ended)' : ''}`;
    const flag = strict ? 'yes' : 'no';
    lines.push(`${kid.padEnd(14)}${scope.padEnd(8)}${flag.padEnd(8)}${createdAt.padEnd(26)}${end}`);
  }
  return `${lines.join('\n')}\n`;
}
