import { writeFileSync } from 'node:fs';
import { configReference } from '#config/describe.ts';
import { problems } from '#scim/errors.ts';
import { drawConformancePage } from '../test/conformance/coverage.ts';

/** The generated documents, by their path in the repository. */
export function references(): ReadonlyMap<string, string> {
  return new Map([
    ['docs/config.md', configReference()],
    ['docs/errors.md', errorReference()],
    ['docs/conformance.md', drawConformancePage()],
  ]);
}

function errorReference(): string {
  const rows = Object.values(problems).map(({ status, scimType, meaning }) => {
    const type = scimType === undefined ? '–' : `\`${scimType}\``;
    return `| ${status} | ${type} | ${meaning} |`;
  });
  return `# Errors

<!-- Made by \`npm run generate\` from server/scim/errors.ts. Edits here are lost. -->

Each error is answered with the body of RFC 7644 §3.12. Its \`detail\` says what happened and what to do,
and ends with a reference that is also in the log line of the request.

| Status | scimType | Meaning |
| --- | --- | --- |
${rows.join('\n')}
`;
}

if (import.meta.main) {
  for (const [path, text] of references()) {
    writeFileSync(new URL(`../${path}`, import.meta.url), text);
  }
}
