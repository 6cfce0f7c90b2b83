import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { TLS_OPTIONS } from '#tls/tls-options.ts';
import { DOMAIN, onSite, openSite, served } from './replicas.ts';

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
    const stdio = ['ignore', 'pipe', 'pipe'] as const;
    const output = await outputOf(spawn('testssl', args, { cwd: folder, stdio: [...stdio] }));
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

onSite(
  'native',
  'sslscan finds the listed ciphers, in TLS 1.2 and 1.3, and no others',
  async (site) => {
    const replica = await site.start({ port: site.tlsPort });
    await served(replica);
    const args = ['--xml=-', '--no-renegotiation', '--no-heartbleed', `--sni-name=${DOMAIN}`];
    const report = await outputOf(spawn('sslscan', [...args, `127.0.0.1:${replica.port}`]));
    const enabled = [...report.matchAll(/<protocol type="(\w+)" version="([\d.]+)" enabled="1"/g)];
    assert.deepEqual(
      enabled.map(([, type, version]) => `${type} ${version}`),
      ['tls 1.2', 'tls 1.3'],
    );
    const ciphers = [...report.matchAll(/<cipher status="\w+" [^>]*? cipher="([^"]+)"/g)];
    // The key is an elliptic one.
    const expected = TLS_OPTIONS.ciphers.split(':').filter((name) => !name.includes('-RSA-'));
    assert.deepEqual(ciphers.map(([, name]) => name).toSorted(), expected.toSorted());
  },
);

/** Resolves when the process has ended. */
async function outputOf(child: ChildProcess): Promise<string> {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  await once(child, 'exit');
  return output;
}
