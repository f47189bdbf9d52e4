import { fuzzHttpReplays } from "./fuzz/recorder/http_replays.ts";
import { Random } from "./support/random.ts";
const [from, to] = Deno.args.map(Number); let bad = 0;
for (let s = from; s < to; s++) { try { await fuzzHttpReplays(new Random(s), 1); } catch (e) { bad++; console.log(s, String(e).slice(0, 1500)); if (bad > 3) break; } }
console.log("done", from, to, "bad", bad); Deno.exit(0);
