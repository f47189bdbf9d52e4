/** What registries and Claude Desktop are told of the package. */
import { assert, assertEquals } from "@std/assert";
import { z } from "zod";
import { MCPB_TOOL, mcpbManifest, SYSTEMS } from "../../.ci/mcpb.ts";
import { packageManifest } from "../../.ci/npm.ts";
import { serverJson } from "../../.ci/server_json.ts";
import manifest from "../../deno.json" with { type: "json" };
import { OPTIONS } from "../../src/config/options.ts";
import { variablesOf } from "../../src/config/option.ts";
import { hasNpm, runNpx } from "./npm_package.ts";
import { tempDir } from "../support/temp_dir.ts";

/** The kinds of fields that are asked for, by docs of the MCP registry. */
const INPUT = z.strictObject({
  name: z.string().regex(/^[A-Z_]+$/).optional(),
  type: z.literal("positional").optional(),
  valueHint: z.string().optional(),
  description: z.string(),
  placeholder: z.string().optional(),
  format: z.enum(["string", "number", "boolean", "filepath"]).optional(),
  default: z.string().optional(),
  isRequired: z.boolean().optional(),
  isSecret: z.boolean().optional(),
});

const PACKAGE = z.strictObject({
  registryType: z.enum(["npm", "oci"]),
  registryBaseUrl: z.url().optional(),
  identifier: z.string(),
  version: z.string().regex(/^\d+\.\d+\.\d+/).optional(),
  runtimeHint: z.enum(["npx", "docker"]),
  transport: z.strictObject({ type: z.literal("stdio") }),
  packageArguments: z.array(
    INPUT.required({ type: true, valueHint: true }),
  ),
  environmentVariables: z.array(INPUT.required({ name: true })),
});

const SERVER = z.strictObject({
  $schema: z.url(),
  name: z.string().regex(/^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/).max(200),
  title: z.string().min(1).max(100),
  description: z.string().min(1).max(100),
  version: z.string().max(255),
  repository: z.strictObject({ url: z.url(), source: z.literal("github") }),
  packages: z.array(PACKAGE),
});

Deno.test("the entry for the MCP registry is of the form that its schema asks for", () => {
  const { name, version, packages } = SERVER.parse(serverJson());
  const [npm, oci] = packages;
  const own = packageManifest();
  assertEquals([own.mcpName, own.name, own.version], [
    name,
    npm.identifier,
    npm.version,
  ]);
  assertEquals(version, manifest.version);
  // The tag says the version of an image, and nothing else does.
  assert(oci.identifier.endsWith(`:${version}`), oci.identifier);
  assertEquals(oci.version, undefined);
});

Deno.test("every variable that a form fills is one that the program reads", () => {
  const known = new Set([
    ...Object.values(OPTIONS).flatMap(variablesOf),
    "AWS_PROFILE",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
  ]);
  const asked = SERVER.parse(serverJson()).packages
    .flatMap(({ environmentVariables }) => environmentVariables)
    .map(({ name }) => name);
  const form = z.object({ user_config: z.record(z.string(), z.unknown()) })
    .parse(mcpbManifest("macos"));
  for (const name of [...asked, ...Object.keys(form.user_config)]) {
    assert(known.has(name), name);
  }
});

Deno.test({
  name: "the manifest of a bundle for Claude Desktop passes its own tool",
  ignore: !await hasNpm(),
  async fn() {
    await using temp = await tempDir();
    const directory = temp.path;
    const systems = ["macos", "windows", "linux"] as const;
    for (const system of systems) {
      await Deno.writeTextFile(
        `${directory}/${system}.json`,
        JSON.stringify(mcpbManifest(system)),
      );
    }
    // Each of them, or what follows is not run.
    const commands = systems.map((system) => `mcpb validate ${system}.json`);
    const said = await runNpx(
      ["--package", MCPB_TOOL, "--call", commands.join(" && ")],
      directory,
    );
    assertEquals(said.match(/passes/g)?.length, systems.length, said);
    assertEquals(Object.keys(SYSTEMS), [...systems]);
  },
});
