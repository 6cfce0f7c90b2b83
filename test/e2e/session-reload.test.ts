import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, rename, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { opScim } from '../server/cli/fake-io.ts';
import { startBridge } from '../support/bridge.ts';
import { assertScimError, call } from '../support/http-client.ts';

/** The bridge looks at the file each 10 s. */
const SEEN_WITHIN_MS = 13_000;

/** A Secret as Kubernetes mounts it: a new content is a new folder, and one link is swapped. */
async function mountedSecret(folder: string) {
  const path = (version: number) => join(folder, `..${version}`, 'scimsession');
  const data = join(folder, '..data');
  let version = 1;
  await mkdir(join(folder, '..1'));
  const { stdout } = await opScim(['session', 'create', '--out', path(1), '--account-id', 'a']);
  await symlink('..1', data);
  await symlink(join('..data', 'scimsession'), join(folder, 'scimsession'));
  return {
    path: join(folder, 'scimsession'),
    token: stdout.trim(),
    /** Resolves to what the command printed. */
    async change(args: readonly string[], stdin?: string): Promise<string> {
      version += 1;
      await cp(join(folder, `..${version - 1}`), join(folder, `..${version}`), { recursive: true });
      const [command = '', ...options] = args;
      const ran = await opScim(
        ['session', command, path(version), ...options],
        stdin === undefined ? {} : { stdin },
      );
      assert.equal(ran.exitCode, 0, ran.stderr);
      await symlink(`..${version}`, `${data}_tmp`);
      await rename(`${data}_tmp`, data);
      return ran.stdout.trim();
    },
  };
}

describe('a session that is changed while the bridge serves', { concurrency: true }, () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'op-scim-reload-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function served(name: string) {
    const place = join(folder, name);
    await mkdir(place);
    const secret = await mountedSecret(place);
    const bridge = await startBridge({ env: { OP_SESSION: secret.path } });
    const status = async (token: string) =>
      (await call({ url: bridge.url, token }, 'GET', '/Users')).status;
    assert.equal(await status(secret.token), 200);
    return { secret, bridge, status };
  }

  async function untilStatus(status: () => Promise<number>, wanted: number): Promise<void> {
    const deadlineMs = performance.now() + SEEN_WITHIN_MS;
    while ((await status()) !== wanted) {
      assert.ok(performance.now() < deadlineMs, `no ${wanted} in time`);
      await sleep(50);
    }
  }

  test('rotate-token: the new token becomes good, and the old one stays good', async () => {
    const { secret, bridge, status } = await served('rotated');
    try {
      const added = await secret.change(['rotate-token'], secret.token);
      assert.equal(await status(added), 401, 'not read yet');
      const oldStatuses = new Set<number>();
      await untilStatus(async () => {
        oldStatuses.add(await status(secret.token));
        return status(added);
      }, 200);
      oldStatuses.add(await status(secret.token));
      assert.deepEqual(oldStatuses, new Set([200]), 'no request failed');
    } finally {
      await bridge.close();
    }
  });

  test('a removed token is refused, and the one that replaced it is good', async () => {
    const { secret, bridge, status } = await served('removed');
    try {
      const added = await secret.change(['rotate-token', '--keep', '0'], secret.token);
      await untilStatus(() => status(secret.token), 401);
      assert.equal(await status(added), 200);
      assertScimError(
        await call({ url: bridge.url, token: secret.token }, 'GET', '/Users'),
        [401, 429],
      );
    } finally {
      await bridge.close();
    }
  });

  test('a health token that is added works, and unlocks nothing', async () => {
    const { secret, bridge } = await served('health');
    try {
      const token = await secret.change(['add-health-token']);
      const ask = (path: string) => call({ url: bridge.url, token }, 'GET', path);
      await untilStatus(async () => (await ask('/monitoring')).status, 200);
      assert.equal((await ask('/Users')).status, 403);
    } finally {
      await bridge.close();
    }
  });

  test('a file that is none leaves the session in force', async () => {
    const { secret, bridge, status } = await served('broken');
    try {
      await rm(secret.path);
      await sleep(11_000);
      assert.equal(await status(secret.token), 200);
    } finally {
      await bridge.close();
    }
  });
});
