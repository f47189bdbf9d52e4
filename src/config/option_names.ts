/** What errors call the options of the command: its flags and variables. */

import type { OptionNames } from "../naming.ts";
import type { Option } from "./option.ts";
import { OPTIONS } from "./options.ts";

const both = ({ names: [flag, variable] }: Option) => `${flag} (${variable})`;

export const COMMAND_NAMES: OptionNames = {
  accountRole: both(OPTIONS.accountRole),
  allowAccount: both(OPTIONS.allowAccount),
  allowRole: both(OPTIONS.allowRole),
  allowTool: both(OPTIONS.allowTool),
  assumeRole: both(OPTIONS.assumeRole),
  caCert: both(OPTIONS.caCert),
  clientCert:
    "--client-cert and --client-key (MCP_CLIENT_CERT, MCP_CLIENT_KEY)",
  connectTimeoutMs: both(OPTIONS.connectTimeoutMs),
  denyTool: both(OPTIONS.denyTool),
  header: "--header",
  idleTimeoutMs: both(OPTIONS.idleTimeoutMs),
  listen: "--listen or MCP_LISTEN",
  login: "--login",
  maxAnswerBytes: both(OPTIONS.maxAnswerBytes),
  maxBodyBytes: both(OPTIONS.maxFrameBytes),
  maxFrameBytes: both(OPTIONS.maxFrameBytes),
  noToken: "--no-listen-token",
  onlyRead: "--read-only",
  profile: "--profile",
  profiles: both(OPTIONS.profile),
  readOnly: both(OPTIONS.readOnly),
  record: "--record or MCP_RECORD",
  recorder: "--record",
  recordMaxBytes: both(OPTIONS.recordMaxBytes),
  region: "--region",
  service: "--service-name",
  signatureVersion: "--sig-version",
  timeoutMs: both(OPTIONS.timeoutMs),
  sse: "--transport sse",
  token: "--listen-token or MCP_LISTEN_TOKEN",
  transportSse: "--transport sse (MCP_TRANSPORT)",
  unsignedPayload: both(OPTIONS.unsignedPayload),
  writeRole: both(OPTIONS.writeRole),
};
