/** Which version of the package this is, and what it is called where. */

import manifest from "../deno.json" with { type: "json" };

/** The version of the package. */
export const VERSION: string = manifest.version;

/** This version, for Deno to run. */
export const JSR_PACKAGE = `jsr:${manifest.name}@${VERSION}`;

/** The name on npm: that on JSR without its scope. */
export const NPM_NAME: string = manifest.name.replace(/^@[^/]*\//, "");
