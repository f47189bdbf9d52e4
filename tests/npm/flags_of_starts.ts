/** Prints the permissions that the command of the npm package asks for starts. */

import { flagsFor } from "../../.ci/npm/permissions.ts";
import { profileRegion } from "../../src/aws/shared_files/shared_files.ts";

const starts: [args: string[], env: Record<string, string>][] = JSON.parse(
  await Deno.readTextFile(Deno.args[0]),
);
const flags = starts.map(([args, variables]) => {
  const env = (name: string) => variables[name];
  return flagsFor(args, env, (profile) => profileRegion(profile, env));
});
console.log(JSON.stringify(await Promise.all(flags)));
