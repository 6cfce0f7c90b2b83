/** What `Profiler.stop` of the inspector gives, as far as it is read here. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      readonly lineNumber: number;
    };
  }[];
  readonly samples?: readonly number[] | undefined;
  readonly timeDeltas?: readonly number[] | undefined;
}

/** The functions that used most CPU themselves, in µs per request, without idle time and the profiler. */
export function topSelfTimes(profile: CpuProfile, requests: number, count = 15): readonly string[] {
  const names = new Map(profile.nodes.map((node) => [node.id, nameOf(node.callFrame)]));
  const selfUs = new Map<string, number>();
  for (const [place, id] of (profile.samples ?? []).entries()) {
    const name = names.get(id) ?? '';
    if (name.startsWith('(idle)') || name.startsWith('post node:inspector')) continue;
    selfUs.set(name, (selfUs.get(name) ?? 0) + (profile.timeDeltas?.[place] ?? 0));
  }
  const total = [...selfUs.values()].reduce((sum, us) => sum + us, 0);
  return [...selfUs]
    .sort(([, left], [, right]) => right - left)
    .slice(0, count)
    .map(([name, us]) => {
      const part = `${((100 * us) / total).toFixed(1)} %`;
      return `${part.padStart(7)}  ${(us / requests).toFixed(2).padStart(8)} µs  ${name}`;
    });
}

function nameOf(frame: { functionName: string; url: string; lineNumber: number }): string {
  const file = frame.url.replace(/^.*\/(server|node_modules)\//, '$1/');
  const place = file === '' ? '' : `${file}:${frame.lineNumber + 1}`;
  return `${frame.functionName === '' ? '(anonymous)' : frame.functionName} ${place}`;
}
