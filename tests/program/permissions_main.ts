/** The program, which says at its end what it may still do. */

import { runCommand } from "../../cli.ts";

addEventListener("unload", () => {
  for (const name of ["ffi", "import", "run", "write", "net"] as const) {
    const { state } = Deno.permissions.querySync({ name });
    console.error(JSON.stringify({ name, state }));
  }
});
await runCommand();
