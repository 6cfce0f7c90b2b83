import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeSession, startBridge } from '../support/bridge.ts';
import { assertScimError, bodyOf, call, idOf } from '../support/http-client.ts';

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const PATCH_OP = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

// Goal: the mode belongs to the token, so that one bridge can serve a strict and a lenient client.
for (const strict of [true, false]) {
  test(`a token that is ${strict ? '' : 'not '}strict decides how its requests are judged`, async () => {
    const bridge = await startBridge({ session: makeSession('strict', strict) });
    try {
      const config = bodyOf(await call(bridge, 'GET', '/ServiceProviderConfig'));
      assert.equal(config['interopProfileConformant'], strict);
      const body = JSON.stringify({ schemas: [USER], userName: 'ada' });
      const id = idOf(await call(bridge, 'POST', '/Users', { body }));
      const pathless = await call(bridge, 'PATCH', `/Users/${id}`, {
        body: JSON.stringify({
          schemas: [PATCH_OP],
          Operations: [{ op: 'replace', value: { title: 'Countess' } }],
        }),
      });
      if (!strict) assert.equal(bodyOf(pathless)['title'], 'Countess');
      else assert.match(assertScimError(pathless, 400), /needs a path/);
    } finally {
      await bridge.close();
    }
  });
}
