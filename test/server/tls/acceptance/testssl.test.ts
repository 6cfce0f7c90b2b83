import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DOMAIN, openSite, served } from './replicas.ts';

/** What testssl.sh holds against a certificate of a test authority, and what each is about. */
const EXPECTED: Readonly<Record<string, string>> = {
  cert_revocation: 'Pebble names neither CRL nor OCSP',
};

interface Finding {
  readonly id: string;
  readonly severity: string;
  readonly finding: string;
}

test('testssl.sh finds nothing of MEDIUM or worse', { timeout: 280_000 }, async (context) => {
  const site = await openSite('native');
  const folder = mkdtempSync(join(tmpdir(), 'op-scim-testssl-'));
  try {
    // As if browsers knew the authority: then there is HSTS.
    const rootPem = await site.pebble.rootPem();
    const replica = await site.start({ port: site.tlsPort, tuning: { publicRoots: [rootPem] } });
    await served(replica);
    const root = join(folder, 'root.pem');
    writeFileSync(root, rootPem);
    const report = join(folder, 'report.json');
    const args = [
      ...['--quiet', '--color', '0', '--warnings', 'batch', '--nodns', 'none', '--ip', '127.0.0.1'],
      ...['--add-ca', root, '--jsonfile', report, `${DOMAIN}:${replica.port}`],
    ];
    const child = spawn('testssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    await once(child, 'exit');
    // What testssl.sh wrote.
    const findings = JSON.parse(readFileSync(report, 'utf8')) as readonly Finding[];
    assert.ok(findings.length > 100, `only ${findings.length} findings:\n${output.slice(-3_000)}`);
    const bad = findings.filter(
      ({ id, severity }) =>
        ['MEDIUM', 'HIGH', 'CRITICAL', 'FATAL'].includes(severity) && !(id in EXPECTED),
    );
    assert.deepEqual(bad, []);
    const textOf = (id: string) => findings.find((each) => each.id === id)?.finding;
    assert.match(textOf('HSTS_time') ?? '', /^365 days/);
    for (const old of ['SSLv2', 'SSLv3', 'TLS1', 'TLS1_1']) {
      assert.match(textOf(old) ?? '', /not offered/, old);
    }
    for (const now of ['TLS1_2', 'TLS1_3']) assert.match(textOf(now) ?? '', /^offered/, now);
    context.diagnostic(`${findings.length} findings, ${bad.length} of MEDIUM or worse`);
  } finally {
    await site.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
