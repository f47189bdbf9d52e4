/**
 * Makes bundles for Claude Desktop (MCPB), in `dist/`: for all systems, or those
 * named as arguments. Each holds the npm package of `dist/npm/` and Deno for
 * both processors, since a manifest tells systems apart and no processors.
 */

import { join } from "node:path";
import manifest from "../deno.json" with { type: "json" };
import { DESCRIPTION } from "./npm.ts";
import { REPOSITORY } from "./published_names.ts";

const ROOT = new URL("../", import.meta.url).pathname;

/** The format's own tool, which checks the manifest before it packs. */
export const MCPB_TOOL = "@anthropic-ai/mcpb@2.1.2";

/** By what a file is called: the system's name in a manifest, npm's Denos. */
export const SYSTEMS = {
  macos: { platform: "darwin", denos: ["darwin-arm64", "darwin-x64"] },
  windows: { platform: "win32", denos: ["win32-x64", "win32-arm64"] },
  linux: {
    platform: "linux",
    denos: ["linux-x64-glibc", "linux-arm64-glibc"],
  },
} as const;

/** The fields of the form, and the variables that they fill. */
const FORM = {
  MCP_TARGET_URL: {
    type: "string",
    title: "URL",
    description:
      "The MCP server behind AWS IAM, as https://aws-mcp.us-east-1.api.aws/mcp",
    required: true,
  },
  AWS_PROFILE: {
    type: "string",
    title: "AWS profile",
    description: "A profile of ~/.aws/config; empty for the default",
    required: false,
    default: "",
  },
  AWS_REGION: {
    type: "string",
    title: "AWS region",
    description:
      "Where neither the URL nor the profile tells it; of calls, for the AWS " +
      "MCP Server",
    required: false,
    default: "",
  },
  MCP_READ_ONLY: {
    type: "boolean",
    title: "Read only",
    description: "Only tools that say they change nothing",
    required: false,
    default: false,
  },
} as const;

/** The `manifest.json` of a bundle. */
export function mcpbManifest(
  system: keyof typeof SYSTEMS,
): Record<string, unknown> {
  const names = Object.keys(FORM);
  return {
    manifest_version: "0.3",
    name: "sigv4-proxy",
    display_name: "MCP server behind AWS IAM",
    version: manifest.version,
    description: DESCRIPTION,
    author: { name: REPOSITORY.split("/")[0] },
    license: manifest.license,
    repository: { type: "git", url: `https://github.com/${REPOSITORY}` },
    documentation: `https://github.com/${REPOSITORY}#readme`,
    server: {
      type: "node",
      entry_point: "server/sigv4-proxy.cjs",
      mcp_config: {
        command: "node",
        args: ["${__dirname}/server/sigv4-proxy.cjs"],
        env: Object.fromEntries(
          names.map((name) => [name, `\${user_config.${name}}`]),
        ),
      },
    },
    tools_generated: true,
    compatibility: {
      platforms: [SYSTEMS[system].platform],
      runtimes: { node: ">=18" },
    },
    user_config: FORM,
  };
}

async function run(command: string, args: string[], cwd: string) {
  const { success } = await new Deno.Command(command, {
    args,
    cwd,
    stdout: "null",
  }).output();
  if (!success) throw new Error(`${command} ${args.join(" ")} has failed`);
}

/** Takes a package off the registry, as it is there. */
async function unpack(name: string, modules: string): Promise<void> {
  const directory = join(modules, name);
  await Deno.mkdir(directory, { recursive: true });
  const version = Deno.version.deno;
  const scratch = await Deno.makeTempDir();
  await run("npm", ["pack", `${name}@${version}`], scratch);
  for await (const { name: file } of Deno.readDir(scratch)) {
    await run("tar", ["-xzf", file, "--strip=1", "-C", directory], scratch);
  }
  await Deno.remove(scratch, { recursive: true });
}

async function copyAll(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    const [source, target] = [join(from, name), join(to, name)];
    if (isDirectory) await copyAll(source, target);
    else await Deno.copyFile(source, target);
  }
}

async function makeMcpb(system: keyof typeof SYSTEMS): Promise<void> {
  const directory = await Deno.makeTempDir();
  const server = join(directory, "server");
  await copyAll(join(ROOT, "dist/npm"), server);
  const modules = join(server, "node_modules");
  const denos = SYSTEMS[system].denos.map((name) => `@deno/${name}`);
  for (const name of ["deno", ...denos]) await unpack(name, modules);
  await Deno.writeTextFile(
    join(directory, "manifest.json"),
    JSON.stringify(mcpbManifest(system), undefined, 2),
  );
  const file = join(ROOT, "dist", `sigv4-proxy-${system}.mcpb`);
  await run("npx", ["-y", MCPB_TOOL, "pack", directory, file], directory);
  await Deno.remove(directory, { recursive: true });
}

function isSystem(name: string): name is keyof typeof SYSTEMS {
  return Object.hasOwn(SYSTEMS, name);
}

if (import.meta.main) {
  const names = Deno.args.length > 0 ? Deno.args : Object.keys(SYSTEMS);
  for (const name of names) {
    if (isSystem(name)) {
      await makeMcpb(name);
      continue;
    }
    console.error(
      `no system is called ${name}: there are ${
        Object.keys(SYSTEMS).join(", ")
      }`,
    );
    Deno.exit(2);
  }
}
