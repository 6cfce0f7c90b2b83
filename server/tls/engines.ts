import type { AcmeEngine } from './acme/acme-engine.ts';

/** The engine of this name, loaded when it is used. */
export async function loadEngine(name: 'native' | 'greenlock'): Promise<AcmeEngine> {
  return name === 'native'
    ? (await import('./acme/native-engine.ts')).nativeEngine
    : (await import('./acme/greenlock-engine.ts')).greenlockEngine;
}
