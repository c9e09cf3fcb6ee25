/**
 * fast-check, at the one version all property tests use.
 *
 * It is not among the imports of `deno.json`: what stands there is fetched by everyone who starts the executor from
 * source, needed or not.
 *
 * @module
 */
export { default } from "npm:fast-check@4.10.2";
