/**
 * The TypeScript compiler, at the one version the checks read the sources with.
 *
 * Like every package only the checks need, it is not among the imports of `deno.json`: what stands there is fetched by
 * everyone who starts the executor from source, needed or not (62 MB and 12 s, once, with them; 12 MB and 2 s without).
 *
 * @module
 */
export { default } from "npm:typescript@6.0.3";
