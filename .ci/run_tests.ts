/**
 * Runs the tests, all or those that are named, where nothing of the machine
 * changes what they see: neither variables nor files of its user.
 *
 * A test that fails runs once more: beside 2,700 others on a loaded machine a
 * limit of the system may be reached. What then passes is counted as flaky, and
 * is a test to be mended.
 */

import { denoDir } from "../tests/support/launch.ts";
import {
  REGISTRY_VARIABLE,
  registryVariables,
} from "../tests/support/registry.ts";
import { systemVariables } from "../tests/support/system_variables.ts";

const home = await Deno.makeTempDir();
const tests = new Deno.Command(Deno.execPath(), {
  args: [
    ...["test", "-A", "--doc", "--parallel", "--retry=1"],
    // `deno task check` looks at the types, those of the examples too.
    "--no-check",
    ...Deno.args,
  ],
  clearEnv: true,
  env: {
    // Two more than processors: half of them wait for what they have started.
    DENO_JOBS: String(navigator.hardwareConcurrency + 2),
    ...systemVariables(),
    DENO_DIR: await denoDir(),
    DENO_NO_UPDATE_CHECK: "1",
    [REGISTRY_VARIABLE]: JSON.stringify(registryVariables()),
    HOME: home,
    USERPROFILE: home,
    ...Deno.noColor ? { NO_COLOR: "1" } : {},
    AWS_EC2_METADATA_DISABLED: "true",
  },
}).spawn();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  // Windows knows no SIGTERM.
  if (Deno.build.os === "windows" && signal === "SIGTERM") continue;
  Deno.addSignalListener(signal, () => tests.kill(signal));
}
const { code } = await tests.status;
await Deno.remove(home, { recursive: true });
Deno.exit(code);
