/**
 * The demo, without the lines with which Deno tells each package that it
 * fetches. Imports nothing, so that its own line is the first.
 */

console.log("Packages come from npm first: some 140 MB, once.");
const demo = new URL("demo.ts", import.meta.url).href;
const { success } = await new Deno.Command(Deno.execPath(), {
  args: ["cache", "--quiet", demo, new URL("../../mod.ts", demo).href],
}).spawn().status;
if (!success) Deno.exit(1);
// Not a literal: Deno would fetch what that one imports before all this.
await import(demo);
