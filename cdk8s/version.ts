import manifest from '../package.json' with { type: 'json' };

/** Of the package, the chart and the image alike. */
export const VERSION = manifest.version;
