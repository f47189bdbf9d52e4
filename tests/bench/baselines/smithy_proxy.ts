/**
 * The plainest proxy with the official signer loaded, and nothing done with
 * it: the floor of start and memory for whatever signs with that.
 */

import "@smithy/signature-v4";
import "./plain_proxy.ts";
