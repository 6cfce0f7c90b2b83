import { describeConfig } from '#config/describe.ts';
import { type Check, failed, ok, warning } from './check.ts';

export const settingsChecks: readonly Check[] = [
  {
    id: 'settings',
    title: 'Settings',
    about:
      'The `OP_*` variables: each has a value that the bridge can read, the files that they name are there, they fit together, and none is misspelt. When one is wrong, the bridge does not start and nothing else is checked.',
    remedy:
      'The sentence names the variable, what it has and what was expected; [config.md](config.md) explains each, and `op-scim config` shows all in force. On Kubernetes change them in the values of the chart: what `kubectl set env` sets on the Deployment stays there through every `helm upgrade`.',
    run({ options: { loaded, fileMistakes } }) {
      if (fileMistakes !== undefined) return failed(fileMistakes);
      const { warnings } = loaded;
      if (warnings.length > 0) return warning(warnings.join('\n'));
      const set = describeConfig(loaded).filter(({ source }) => source !== 'default').length;
      return ok(`${set} set, the others as by default.`);
    },
  },
];
