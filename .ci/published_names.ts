/**
 * The names under which the project is published, all read off two: that of the
 * package in `deno.json`, and that of the repository, which GitHub tells in a
 * workflow. docs/releasing.md says what an owner puts in their place.
 */

import manifest from "../deno.json" with { type: "json" };
import { NPM_NAME } from "../src/version.ts";

/** On GitHub: `OWNER/NAME`. */
export const REPOSITORY: string = Deno.env.get("GITHUB_REPOSITORY") ||
  manifest.name.slice(1);

const [owner] = REPOSITORY.split("/");

/** In the MCP registry, which lets GitHub vouch for the owner. */
export const REGISTRY_NAME = `io.github.${owner}/${NPM_NAME}`;

/** The image in GitHub's registry, which knows lower case only. */
export const IMAGE_NAME = `ghcr.io/${REPOSITORY.toLowerCase()}`;
