import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { PassThrough, Writable } from 'node:stream';
import type { State } from '#cli/checks/check.ts';
import type { Network } from '#cli/checks/network.ts';
import type { Result } from '#cli/checks/run.ts';
import { doctorWith } from '#cli/doctor.ts';

export const PUBLIC_ADDRESS = '203.0.113.10';

export interface Examined {
  readonly exitCode: number;
  readonly stdout: string;
  readonly results: readonly Result[];
  of(id: string): Result;
}

export interface Examination {
  readonly env: Readonly<Record<string, string>>;
  readonly network?: Partial<Network>;
  readonly now?: () => number;
  readonly args?: readonly string[];
  readonly stdin?: string;
}

/** `op-scim doctor --output json` in this process, with a network of the test's own. */
export async function runDoctor(examination: Examination): Promise<Examined> {
  const args = ['--output', 'json', ...(examination.args ?? [])];
  const { exitCode, stdout } = await runDoctorText({ ...examination, args });
  const report = JSON.parse(stdout) as { ok: boolean; checks: readonly Result[] }; // As doctor writes it.
  assert.equal(report.ok, exitCode === 0);
  const of = (id: string): Result => {
    const found = report.checks.find((each) => each.id === id);
    assert.ok(found !== undefined, `there is no check ${id}`);
    return found;
  };
  return { exitCode, stdout, results: report.checks, of };
}

export async function runDoctorText(examination: Examination) {
  let stdout = '';
  const sink = new Writable({
    write(chunk, _encoding, done) {
      stdout += String(chunk);
      done();
    },
  });
  const stdin = new PassThrough();
  stdin.end(examination.stdin ?? '');
  const network = { ...fakeNetwork(9), ...examination.network };
  const command = doctorWith(() => network, examination.now);
  const io = { stdin, stdout: sink, stderr: sink, env: examination.env };
  const exitCode = await command.run([...(examination.args ?? [])], io);
  return { exitCode, stdout };
}

/** The domain is PUBLIC_ADDRESS, whose port 443 is `port` of this machine. */
export function fakeNetwork(port: number): Network {
  return {
    addressesOf: async (_name, family) => {
      if (family === 4) return [PUBLIC_ADDRESS];
      throw dnsError('ENODATA');
    },
    caaRecordsOf: async () => {
      throw dnsError('ENODATA');
    },
    connect: () => connect({ host: '127.0.0.1', port }),
    ownAddresses: () => ['127.0.0.1'],
  };
}

export function dnsError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

export interface Expectation {
  readonly id: string;
  readonly state: State;
  readonly says: RegExp;
}

/** Detail and hint are read as one. */
export function assertFinding(examined: Examined, { id, state, says }: Expectation): void {
  const { detail, hint, ...found } = examined.of(id);
  const said = `${detail} ${hint ?? ''}`;
  assert.equal(found.state, state, said);
  assert.match(said, says);
  assert.equal(found.see, `docs/doctor.md#${id}`);
}
