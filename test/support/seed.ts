import fc from 'fast-check';

/** A run that decides what is merged must not fail by chance: what it tries is the same each time. */
const USUAL_SEED = 20_310_504;

/** Of everything random in a run: SEED=number tries something else, SEED=random something new. */
export const seed = seedFrom(process.env['SEED']);

// Loaded before each test file (test/run.ts). A failure prints the seed and the path that led to it.
fc.configureGlobal({ seed });

function seedFrom(text: string | undefined): number {
  if (text === undefined || text === '') return USUAL_SEED;
  if (text === 'random') return Math.trunc(Math.random() * 2 ** 31);
  const given = Number(text);
  if (!Number.isSafeInteger(given)) throw new Error('SEED must be a whole number or "random"');
  return given;
}
