/**
 * The Deno permissions that the HTTP front needs to listen.
 *
 * @module
 */

import { resolve } from "node:path";
import type { Need } from "../aws/credentials/permissions.ts";
import {
  hostOf,
  isIpAddress,
  isTcp,
  nameOf,
  type TcpAddress,
} from "../net/listen_address.ts";
import { ipAddressOf } from "./listen.ts";
import type { ListenConfig } from "../config/listen_options.ts";
import {
  RUNTIME_DIRECTORY_VARIABLE,
  runtimeDirectory,
} from "./runtime_directory.ts";

/** Where the proxy is to listen: the environment and the system. */
interface Where {
  readonly env: (name: string) => string | undefined;
  readonly os: typeof Deno.build.os;
}

/**
 * Finds what the HTTP front needs.
 *
 * @param listen How it is to listen.
 * @param where Whose environment and system it runs in.
 * @returns The permissions: for its address, and for the file of a token that
 * is made.
 */
export async function listenNeeds(
  { address, token }: ListenConfig,
  where: Where,
): Promise<Need[]> {
  const needs = isTcp(address)
    ? await portNeeds(address)
    : socketNeeds(resolve(address.path));
  return token === undefined ? [...needs, ...tokenFileNeeds(where)] : needs;
}

async function portNeeds(address: TcpAddress): Promise<Need[]> {
  const name = hostOf(address);
  const needs: Need[] = [];
  if (!isIpAddress(name) && name !== "localhost") {
    // Looking a name up wants all of its ports.
    needs.push(toListen("net", name));
  }
  // What cannot be looked up here cannot be told; the front will say it.
  const hostname = await ipAddressOf(address).catch(() => address.hostname);
  const value = nameOf({ ...address, hostname });
  return [...needs, toListen("net", value)];
}

function socketNeeds(path: string): Need[] {
  return [
    toListen("net", nameOf({ path })),
    toListen("read", path),
    toListen("write", path),
  ];
}

function toListen(kind: Need["kind"], value: string): Need {
  return { kind, value, why: "listen for clients" };
}

function tokenFileNeeds({ env, os }: Where): Need[] {
  const directory = runtimeDirectory(env);
  return [
    {
      kind: "env",
      value: RUNTIME_DIRECTORY_VARIABLE,
      why: "find a place for the token",
    },
    // To see whose it is. The temporary one is everybody's.
    ...(directory === undefined ? [] : [
      {
        kind: "read",
        value: directory,
        why: "see whose the place for the token is",
      } as const,
    ]),
    {
      kind: "write",
      value: directory ?? temporaryDirectory(env, os),
      why: "keep the token that clients bring",
    },
  ];
}

/** Where Deno makes temporary files. */
function temporaryDirectory(env: Where["env"], os: Where["os"]): string {
  if (os === "windows") return env("TMP") || env("TEMP") || "C:\\Windows\\Temp";
  return env("TMPDIR") || "/tmp";
}
