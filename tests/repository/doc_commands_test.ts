import { assertEquals, assertThrows } from "@std/assert";
import { commandsIn } from "./doc_commands.ts";

function fenced(language: string, block: string): string {
  return `Text.\n\n\`\`\`${language}\n${block}\n\`\`\`\n`;
}

Deno.test("the program is found in pipes, substitutions and behind variables, without what is the shell's", () => {
  const block = `source <(sigv4-proxy completions bash)
echo | MCP_TIMEOUT=9s deno run -A jsr:@scope/sigv4-proxy@0.1.0 \\
  --header 'X-A: (b | c)' https://mcp.example 2>&1 | jq . > out # --no
one && sigv4-proxy --one; sigv4-proxy --two 2>/dev/null
docker build -t sigv4-proxy .
deno install --name sigv4-proxy jsr:@scope/sigv4-proxy
other --sigv4-proxy`;
  assertEquals(commandsIn(fenced("sh", block)), [
    { args: ["completions", "bash"], variables: {} },
    {
      args: ["--header", "X-A: (b | c)", "https://mcp.example"],
      variables: { MCP_TIMEOUT: "9s" },
    },
    { args: ["--one"], variables: {} },
    { args: ["--two"], variables: {} },
  ]);
});

Deno.test("the program is found in the entry of a client, however deep it is and whatever starts it", () => {
  const entries = {
    mcpServers: {
      one: {
        command: "deno",
        args: ["run", "-A", "jsr:@scope/sigv4-proxy", "--one"],
        env: { AWS_PROFILE: "work" },
      },
      two: { command: "docker", args: ["run", "sigv4-proxy", "--two"] },
      three: { cmd: "sigv4-proxy", args: ["--three"] },
      four: { command: "npx", args: ["another", "--four"] },
    },
  };
  assertEquals(commandsIn(fenced("json", JSON.stringify(entries))), [
    { args: ["--one"], variables: { AWS_PROFILE: "work" } },
    { args: ["--two"], variables: {} },
    { args: ["--three"], variables: {} },
  ]);
});

Deno.test("what a container of the program's image is given is found, and no other container's", () => {
  const pod = `spec:
  containers:
    - image: registry.example/agent:1
      args: [--not-ours]
    - image: registry.example/sigv4-proxy:0.1.0
      args:
        - --listen=127.0.0.1:8080
      env:
        - name: MCP_LISTEN_HOST
          value: mcp.example
        - name: MCP_LISTEN_TOKEN
          valueFrom: { secretKeyRef: { name: token, key: token } }`;
  const variables = {
    MCP_LISTEN_HOST: "mcp.example",
    MCP_LISTEN_TOKEN: "from-elsewhere",
  };
  assertEquals(commandsIn(fenced("yaml", pod)), [
    { args: ["--listen=127.0.0.1:8080"], variables },
  ]);
});

Deno.test("a block that cannot be read is no page without commands", () => {
  assertThrows(() => commandsIn(fenced("json", "{ broken")));
  assertThrows(() => commandsIn(fenced("yaml", "a: [1")));
});
