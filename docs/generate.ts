import { writeFileSync } from 'node:fs';
import { areas } from '#cli/checks/all.ts';
import { CHECK_MS } from '#cli/checks/run.ts';
import { configReference } from '#config/describe.ts';
import { problems } from '#scim/errors.ts';
import { drawConformancePage } from '../test/conformance/coverage.ts';

/** The generated documents, by their path in the repository. */
export function references(): ReadonlyMap<string, string> {
  return new Map([
    ['docs/config.md', configReference()],
    ['docs/doctor.md', doctorReference()],
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

function doctorReference(): string {
  const parts = Object.entries(areas).map(([area, checks]) => {
    const texts = checks.map(
      ({ title, about, remedy }) => `### ${title}\n\n${about}\n\n**What to do.** ${remedy}\n`,
    );
    return `## ${area}\n\n${texts.join('\n')}`;
  });
  return `# op-scim doctor

<!-- Made by \`npm run generate\` from server/cli/checks/. Edits here are lost. -->

Start here when something is wrong:

\`\`\`sh
kubectl exec deploy/op-scim-bridge -- op-scim doctor     # Kubernetes; add -c op-scim-bridge where the pod has more containers
docker exec CONTAINER op-scim doctor
npx op-scim doctor                                       # a clone, with the same OP_* variables as the bridge
\`\`\`

It looks at everything that the bridge needs, and changes nothing: it orders no certificate, writes
nothing into the store, takes no lease, and sends the bearer token nowhere. It may run at any time beside
a running bridge. All checks run side by side, and one that takes longer than ${CHECK_MS / 1_000} s is given up.

Each line is √ well, ‼ a warning, × failed, or – skipped with the reason. The exit code is 0 when nothing
failed, 1 when something did, and 2 when the settings or the arguments are wrong. \`--output json\` says the
same for programs: \`{ok, checks: [{id, title, state, detail, hint, see}]}\`.

${parts.join('\n')}`;
}

if (import.meta.main) {
  for (const [path, text] of references()) {
    writeFileSync(new URL(`../${path}`, import.meta.url), text);
  }
}
