/** docs/conformance.md: which conversations and live cases show which row. Run it to write the file. */
import { writeFileSync } from 'node:fs';
import { loadConversations } from './conversation.ts';
import { LIVE_CASES } from './live-cases.ts';
import { ROWS } from './rows.ts';

export const CONFORMANCE_PAGE = new URL('../../docs/conformance.md', import.meta.url);

/** Row id → names of what shows it, in the order of the disk. */
export function rowsCovered(): ReadonlyMap<string, readonly string[]> {
  const covered = new Map<string, string[]>();
  for (const { name, rows } of [...loadConversations(), ...LIVE_CASES]) {
    for (const row of rows) {
      covered.set(row, [...(covered.get(row) ?? []), name]);
    }
  }
  return covered;
}

export function drawConformancePage(): string {
  const covered = rowsCovered();
  const conversations = loadConversations();
  const lines = [
    '<!-- Drawn by test/conformance/coverage.ts: `npm run generate`. -->',
    '# Conformance',
    '',
    `The bridge is held to ${Object.keys(ROWS).length} rules by ${conversations.length} recorded-style`,
    `conversations and ${LIVE_CASES.length} live cases, each of them with SQLite and with Redis. A`,
    'conversation is a file under `test/conformance/`: requests as an identity provider sends them, and',
    'what the answers must be. `default:` and `strict:` rules are choices where the RFCs, the identity',
    'providers and the interoperability profile contradict each other.',
    '',
  ];
  for (const [heading, belongs] of SECTIONS) {
    lines.push(`## ${heading}`, '', '| Row | Rule | Shown by |', '| --- | --- | --- |');
    for (const [row, says] of Object.entries(ROWS)) {
      if (belongs(row)) {
        const names = covered.get(row) ?? [];
        lines.push(`| \`${row}\` | ${escapeCell(says)} | ${names.join(', ') || '**nothing**'} |`);
      }
    }
    lines.push('');
  }
  lines.push('## Sources', '', '| Conversation | What happens | Source |', '| --- | --- | --- |');
  for (const { name, title, source } of conversations) {
    lines.push(`| ${name} | ${escapeCell(title)} | ${escapeCell(source)} |`);
  }
  return `${lines.join('\n')}\n`;
}

const SECTIONS: readonly (readonly [string, (row: string) => boolean])[] = [
  ['Identity providers', (row) => /^[a-z]+:/u.test(row) && !isChoice(row)],
  ['Where sources contradict each other', isChoice],
  ['What a good SCIM server does', (row) => row.startsWith('7.')],
];

function isChoice(row: string): boolean {
  return row.startsWith('default:') || row.startsWith('strict:');
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|');
}

if (import.meta.main) {
  writeFileSync(CONFORMANCE_PAGE, drawConformancePage());
}
