/**
 * Fetches one git context in a process of its own and prints what it took, as JSON: seconds, and the most memory it had.
 *
 *     deno run -A tests/support/git_fetch_alone.ts URL ROOT
 *
 * @module
 */
import { fetchGit } from "./git_fetch.ts";

const [url = "", root = ""] = Deno.args;
const started = performance.now();
const { directory } = await fetchGit(root, { url: new URL(url) });
const seconds = (performance.now() - started) / 1000;
const peak = /VmHWM:\s*(\d+) kB/.exec(await Deno.readTextFile("/proc/self/status"))?.[1];
console.log(JSON.stringify({ seconds, peakBytes: Number(peak) * 1024, directory }));
