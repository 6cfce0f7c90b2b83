import { ApiObject } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import { serviceAccountName } from '../helpers.ts';
import { f, text } from '../lib/functions.ts';
import { when } from '../lib/node.ts';
import { set, spread } from '../lib/overlay.ts';
import type { ReleaseChart } from '../release-chart.ts';
import { values } from '../values.ts';

const { session, serviceAccount, workloadIdentity } = values;

/** The scimsession file, and who the bridge is to Azure. */
export function sessionObjects(chart: ReleaseChart): void {
  const { synthesis } = chart;
  chart.optional(session.create, () => {
    new kplus.Secret(chart, 'scimsession', {
      metadata: chart.metadata('bridge', 'scimsession'),
      stringData: { [synthesis.string(session.key)]: synthesis.string(session.content) },
    });
  });
  chart.optional(session.keyVault.enabled, () => keyVault(chart));
  chart.optional(serviceAccount.create, () => {
    const metadata = {
      ...chart.metadata('bridge'),
      name: synthesis.string(serviceAccountName),
    };
    const made = new kplus.ServiceAccount(chart, 'service-account', {
      metadata,
      automountToken: false,
    });
    const { clientId } = workloadIdentity;
    chart.patch(
      made,
      set('/metadata/annotations', {
        'azure.workload.identity/client-id': when(clientId, clientId),
      }),
      spread('/metadata/annotations', serviceAccount.annotations),
    );
  });
}

/** The driver writes the file under its alias into the volume of the pod. */
function keyVault(chart: ReleaseChart): void {
  const made = new ApiObject(chart, 'key-vault', {
    apiVersion: 'secrets-store.csi.x-k8s.io/v1',
    kind: 'SecretProviderClass',
    metadata: chart.metadata('bridge', 'key-vault'),
    spec: { provider: 'azure' },
  });
  const { name, tenantId, clientId, objectName } = session.keyVault;
  const objects = text`array:\n  - |\n    objectName: ${objectName}\n    objectType: secret\n    objectAlias: scimsession\n`;
  chart.patch(
    made,
    set('/spec/parameters', {
      usePodIdentity: 'false',
      clientID: f.default(workloadIdentity.clientId, clientId),
      keyvaultName: name,
      tenantId,
      objects,
    }),
  );
}
