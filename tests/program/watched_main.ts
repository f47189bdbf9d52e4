/**
 * The program, in which something fails that nobody awaits once it is told so
 * by SIGUSR1, and which says at its end what it may still do.
 */

import { runCommand } from "../../cli.ts";

addEventListener("unload", () => {
  for (const name of ["ffi", "import", "run", "write", "net"] as const) {
    const { state } = Deno.permissions.querySync({ name });
    console.error(JSON.stringify({ name, state }));
  }
});
if (Deno.build.os !== "windows") {
  Deno.addSignalListener("SIGUSR1", () => {
    void Promise.reject(new Error("nobody awaits this"));
  });
}
await runCommand();
