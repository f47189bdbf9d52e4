/**
 * The entry for the MCP registry: where the package and the image are, and what
 * a client has to ask its user.
 */

import manifest from "../deno.json" with { type: "json" };
import { NPM_NAME } from "../src/version.ts";
import { DESCRIPTION } from "./npm.ts";
import { IMAGE_NAME, REGISTRY_NAME, REPOSITORY } from "./published_names.ts";

const TARGET = {
  type: "positional",
  valueHint: "target_url",
  description: "The URL of the MCP server behind AWS IAM",
  placeholder: "https://aws-mcp.us-east-1.api.aws/mcp",
  isRequired: true,
};

const READ_ONLY = {
  name: "MCP_READ_ONLY",
  description: "Only tools that say they change nothing",
  format: "boolean",
  default: "false",
};

const REGION = {
  name: "AWS_REGION",
  description:
    "The region, where the URL does not tell it; of calls, for the " +
    "AWS MCP Server",
};

/** The entry. */
export function serverJson(): Record<string, unknown> {
  return {
    $schema:
      "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
    name: REGISTRY_NAME,
    title: "SigV4 proxy for AWS IAM",
    description: DESCRIPTION,
    version: manifest.version,
    repository: {
      url: `https://github.com/${REPOSITORY}`,
      source: "github",
    },
    packages: [
      {
        registryType: "npm",
        registryBaseUrl: "https://registry.npmjs.org",
        identifier: NPM_NAME,
        version: manifest.version,
        runtimeHint: "npx",
        transport: { type: "stdio" },
        packageArguments: [TARGET],
        environmentVariables: [
          {
            name: "AWS_PROFILE",
            description: "A profile of the shared AWS files",
          },
          REGION,
          READ_ONLY,
        ],
      },
      {
        registryType: "oci",
        identifier: `${IMAGE_NAME}:${manifest.version}`,
        runtimeHint: "docker",
        transport: { type: "stdio" },
        packageArguments: [TARGET],
        // A container has not the user's files.
        environmentVariables: [
          { name: "AWS_ACCESS_KEY_ID", description: "The access key ID" },
          {
            name: "AWS_SECRET_ACCESS_KEY",
            description: "The secret access key",
            isSecret: true,
          },
          {
            name: "AWS_SESSION_TOKEN",
            description: "The session token of temporary keys",
            isSecret: true,
          },
          REGION,
          READ_ONLY,
        ],
      },
    ],
  };
}

if (import.meta.main) {
  const file = new URL("../dist/server.json", import.meta.url);
  await Deno.mkdir(new URL(".", file), { recursive: true });
  await Deno.writeTextFile(
    file,
    `${JSON.stringify(serverJson(), undefined, 2)}\n`,
  );
}
