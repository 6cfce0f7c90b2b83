import { OperatorError } from '#base/operator-error.ts';
import type { AcmeEngine } from './acme/acme-engine.ts';

/** The engine of this name, loaded when it is used. Throws OperatorError when it is not there. */
export async function loadEngine(name: 'native' | 'greenlock'): Promise<AcmeEngine> {
  if (name === 'native') return (await import('./acme/native-engine.ts')).nativeEngine;
  throw new OperatorError(
    'OP_ACME_ENGINE is "greenlock", which this version does not bring. Unset it: the engine "native" does the same.',
  );
}
