/**
 * The index over the patterns of a `.dockerignore`: a tree of path components that a walk descends.
 *
 * A directory holds the nodes that patterns have reached there; an entry below it is looked up by name instead of
 * being tried against every pattern. So 100,000 patterns cost no more per file than the few that can still match.
 *
 * @module
 */
import type { BytePath } from "../io/byte_path.ts";
import { bytesOfPoints, matchesGlob, type Token } from "./glob.ts";
import type { Component } from "./ignore_pattern.ts";

/** What the index needs to know of a pattern. */
export interface NumberedPattern {
  readonly number: number;
  readonly isException: boolean;
  /** The first of the patterns up to this one that are all exceptions, or none of them. */
  readonly sameSince: number;
}

/** A place that the components of one or more patterns lead to. */
export class IgnoreNode {
  /** Numbers of the patterns that end here, ascending. */
  readonly patterns: number[] = [];
  /** The last exception whose pattern goes on below this place; -1 if none. */
  lastExceptionBelow = -1;
  /** Stays reached in every entry below: the place of a `**`. */
  readonly #isRun: boolean;
  // Maps are made when needed: most of the nodes of a large file have one child.
  #names: Map<BytePath, IgnoreNode> | undefined;
  /** Globs `*text` and `text*`, by length and text. */
  #suffixes: Map<number, Map<BytePath, IgnoreNode>> | undefined;
  #prefixes: Map<number, Map<BytePath, IgnoreNode>> | undefined;
  #globs: Map<string, { readonly tokens: readonly Token[]; readonly node: IgnoreNode }> | undefined;
  #deep: IgnoreNode | undefined;
  #rest: IgnoreNode | undefined;

  constructor(kind: "place" | "run" = "place") {
    this.#isRun = kind === "run";
  }

  /** Adds a pattern; numbers must be given in ascending order. */
  insert(components: readonly Component[], pattern: NumberedPattern): void {
    const [first, ...rest] = components;
    if (first === undefined) {
      // Said before, and nothing since then said the opposite.
      if ((this.patterns.at(-1) ?? -1) >= pattern.sameSince) return;
      this.patterns.push(pattern.number);
      // What ends in a run matches at every depth below as well.
      if (this.#isRun && pattern.isException) this.lastExceptionBelow = pattern.number;
      return;
    }
    if (pattern.isException) this.lastExceptionBelow = pattern.number;
    this.#child(first).insert(rest, pattern);
  }

  /** Adds this node to those reached, and the one that a `**` here leads to without a component. */
  reach(nodes: Set<IgnoreNode>): void {
    nodes.add(this);
    this.#deep?.reach(nodes);
  }

  /** Adds the nodes that an entry called `name` below this place reaches. */
  follow(name: BytePath, nodes: Set<IgnoreNode>): void {
    if (this.#isRun) this.reach(nodes);
    this.#names?.get(name)?.reach(nodes);
    for (const [length, suffixes] of this.#suffixes ?? []) {
      if (length <= name.length) suffixes.get(name.slice(name.length - length))?.reach(nodes);
    }
    for (const [length, prefixes] of this.#prefixes ?? []) prefixes.get(name.slice(0, length))?.reach(nodes);
    for (const { tokens, node } of this.#globs?.values() ?? []) {
      if (!nodes.has(node) && matchesGlob(tokens, name)) node.reach(nodes);
    }
    this.#rest?.reach(nodes);
  }

  #child(component: Component): IgnoreNode {
    switch (component.kind) {
      case "name":
        return childOf(this.#names ??= new Map(), component.name);
      case "deep":
        return this.#deep ??= new IgnoreNode("run");
      case "rest":
        return this.#rest ??= new IgnoreNode("run");
      case "glob": {
        const { tokens, text } = component;
        const suffix = tokens[0]?.kind === "star" ? literalOf(tokens.slice(1)) : undefined;
        if (suffix !== undefined) return childOf(mapOf(this.#suffixes ??= new Map(), suffix.length), suffix);
        const prefix = tokens.at(-1)?.kind === "star" ? literalOf(tokens.slice(0, -1)) : undefined;
        if (prefix !== undefined) return childOf(mapOf(this.#prefixes ??= new Map(), prefix.length), prefix);
        const globs = this.#globs ??= new Map();
        const known = globs.get(text);
        if (known !== undefined) return known.node;
        const node = new IgnoreNode();
        globs.set(text, { tokens, node });
        return node;
      }
    }
  }
}

function childOf(children: Map<BytePath, IgnoreNode>, name: BytePath): IgnoreNode {
  const known = children.get(name);
  if (known !== undefined) return known;
  const node = new IgnoreNode();
  children.set(name, node);
  return node;
}

function mapOf(maps: Map<number, Map<BytePath, IgnoreNode>>, length: number): Map<BytePath, IgnoreNode> {
  const known = maps.get(length);
  if (known !== undefined) return known;
  const map = new Map<BytePath, IgnoreNode>();
  maps.set(length, map);
  return map;
}

function literalOf(tokens: readonly Token[]): BytePath | undefined {
  const points = tokens.map((token) => token.kind === "char" ? token.point : -1);
  return points.includes(-1) ? undefined : bytesOfPoints(points);
}
