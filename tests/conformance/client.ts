/**
 * The client that the conformance suite runs. It loads nothing: the test plays
 * the scenario in its own process, and this ends as the play does. The suite
 * names the scenario in the environment, and the target as the last argument.
 */

const [player, target] = Deno.args.slice(-2);
const response = await fetch(player, {
  method: "POST",
  body: JSON.stringify({
    target,
    scenario: Deno.env.get("MCP_CONFORMANCE_SCENARIO"),
    version: Deno.env.get("MCP_CONFORMANCE_PROTOCOL_VERSION"),
    context: Deno.env.get("MCP_CONFORMANCE_CONTEXT"),
  }),
});
if (!response.ok) throw new Error(await response.text());
