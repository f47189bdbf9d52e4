/**
 * The MCP clients: where each keeps its servers, and what an entry looks like.
 */

import { join, posix, win32 } from "node:path";
import type { ClientName } from "../../config/commands.ts";
import type { CommandContext } from "../context.ts";

/** How a client is to start the proxy. */
export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: { readonly [name: string]: string };
}

export type Entry = Readonly<Record<string, unknown>>;

export interface Place {
  readonly os: CommandContext["os"];
  readonly env: CommandContext["env"];
  readonly home: string;
}

export interface Client {
  readonly title: string;
  /** Default: JSON. */
  readonly format?: "yaml";
  /** The file of the user, not of one project. */
  readonly file: (place: Place) => string;
  /** Under what the entries are. Default: `mcpServers`. */
  readonly container?: string;
  /** What an entry has to say to start the proxy. Default: {@linkcode stdio}. */
  readonly entry?: (launch: Launch) => Entry;
  /** What else a new entry says; from then on it is the user's. */
  readonly defaults?: (name: string) => Entry;
  /** How the client is made to see a change. */
  readonly reload: string;
}

/**
 * A path of a variable, if it is absolute: what any other would write to
 * depends on where the command is run (XDG Base Directory Specification).
 */
export function absolute(
  path: string | undefined,
  { os }: Pick<Place, "os">,
): string | undefined {
  const { isAbsolute } = os === "windows" ? win32 : posix;
  return path !== undefined && isAbsolute(path) ? path : undefined;
}

/** Where each system keeps the settings of programs with a window. */
function appData({ os, env, home }: Place, path: string): string {
  const directory = os === "darwin"
    ? join(home, "Library", "Application Support")
    : os === "windows"
    ? env("APPDATA") || join(home, "AppData", "Roaming")
    : env("XDG_CONFIG_HOME") || join(home, ".config");
  return join(directory, path);
}

/** `~/.config` on macOS, too; on Windows a directory of its own. */
function dotConfig(place: Place, path: string, onWindows: string): string {
  const { os, home } = place;
  if (os === "windows") return appData(place, onWindows);
  return os === "darwin" ? join(home, ".config", path) : appData(place, path);
}

/** What nearly all of them take. */
export function stdio({ command, args, env }: Launch): Entry {
  return Object.keys(env).length === 0
    ? { command, args }
    : { command, args, env };
}

function typedStdio(launch: Launch): Entry {
  return { type: "stdio", ...stdio(launch) };
}

/** The clients, each with the page that says so. */
export const CLIENTS: { readonly [name in ClientName]: Client } = {
  // modelcontextprotocol.io, "Connect to local MCP servers".
  "claude-desktop": {
    title: "Claude Desktop",
    file: (place) => appData(place, "Claude/claude_desktop_config.json"),
    reload: "quit Claude Desktop and start it again",
  },
  // code.claude.com/docs, "Connect Claude Code to tools via MCP", user scope;
  // "Environment variables", CLAUDE_CONFIG_DIR.
  "claude-code": {
    title: "Claude Code",
    file: ({ env, home }) =>
      join(env("CLAUDE_CONFIG_DIR") || home, ".claude.json"),
    entry: typedStdio,
    reload: "start Claude Code again; `claude mcp list` shows the server",
  },
  // cursor.com/docs/mcp, "Configuration locations".
  "cursor": {
    title: "Cursor",
    file: ({ home }) => join(home, ".cursor/mcp.json"),
    reload: "turn the server on in Cursor's settings, under MCP",
  },
  // code.visualstudio.com/docs, "MCP configuration reference": the user
  // profile's mcp.json.
  "vscode": {
    title: "Visual Studio Code",
    file: (place) => appData(place, "Code/User/mcp.json"),
    container: "servers",
    entry: typedStdio,
    reload: "run the command `MCP: List Servers` and start the server",
  },
  // docs.windsurf.com, "Cascade MCP integration".
  "windsurf": {
    title: "Windsurf",
    file: ({ home }) => join(home, ".codeium/windsurf/mcp_config.json"),
    reload: "refresh the servers in Windsurf's MCP panel",
  },
  // zed.dev/docs, "Model Context Protocol", "Configuring Zed".
  "zed": {
    title: "Zed",
    file: (place) => dotConfig(place, "zed/settings.json", "Zed/settings.json"),
    container: "context_servers",
    reload: "Zed sees the change by itself",
  },
  // docs.cline.bot, "Config", "MCP": one file for the extension and the CLI.
  "cline": {
    title: "Cline",
    file: ({ env, home }) => {
      const directory = env("CLINE_DIR") || join(home, ".cline");
      const data = env("CLINE_DATA_DIR") || join(directory, "data");
      return env("CLINE_MCP_SETTINGS_PATH") ||
        join(data, "settings/cline_mcp_settings.json");
    },
    defaults: () => ({ disabled: false }),
    reload: "Cline sees the change by itself",
  },
  // kiro.dev/docs/mcp, "Configuration": the user's level.
  "kiro": {
    title: "Kiro",
    file: ({ home }) => join(home, ".kiro/settings/mcp.json"),
    defaults: () => ({ disabled: false }),
    reload: "Kiro sees the change by itself",
  },
  // goose-docs.ai, "Configuration Files", "Extensions Configuration".
  "goose": {
    title: "goose",
    format: "yaml",
    file: (place) =>
      dotConfig(place, "goose/config.yaml", "Block/goose/config/config.yaml"),
    container: "extensions",
    entry: ({ command, args, env }) => ({
      type: "stdio",
      cmd: command,
      args,
      envs: env,
    }),
    defaults: (name) => ({ name, enabled: true, timeout: 300 }),
    reload: "start a new goose session",
  },
};
