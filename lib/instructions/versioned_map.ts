/**
 * A map whose versions share what they have in common: what a stage gathers instruction by instruction, without a copy
 * of all of it at each. Ten thousand LABELs make ten thousand versions and as many cells, not fifty million.
 *
 * Setting a name on the newest version takes constant time, reading one the logarithm of how often it was set. Setting
 * on an older version copies that version.
 *
 * @module
 */

/** One value of a name. */
interface Cell<V> {
  /** The first version that has it. */
  readonly since: number;
  readonly value: V;
}

/** What the versions of one map have in common. */
interface Shared<V> {
  /** By name, in the order in which names were first set; the cells in the order of versions. */
  readonly cells: Map<string, Cell<V>[]>;
  newest: number;
}

/** One version of a map; never changes. A name that is set again keeps its place. */
export class VersionedMap<V> implements Iterable<readonly [name: string, value: V]> {
  readonly #shared: Shared<V>;
  readonly #version: number;

  private constructor(shared: Shared<V>, version: number) {
    this.#shared = shared;
    this.#version = version;
  }

  /** Makes a map; of a name that comes several times the last value counts. */
  static of<V>(entries: Iterable<readonly [name: string, value: V]> = []): VersionedMap<V> {
    const cells = new Map<string, Cell<V>[]>();
    for (const [name, value] of entries) cells.set(name, [{ since: 0, value }]);
    return new VersionedMap({ cells, newest: 0 }, 0);
  }

  get(name: string): V | undefined {
    return this.#cell(this.#shared.cells.get(name))?.value;
  }

  /** Tells whether a name is there, also one whose value is undefined. */
  has(name: string): boolean {
    return this.#cell(this.#shared.cells.get(name)) !== undefined;
  }

  /** Returns the version after this one, with the name set. */
  set(name: string, value: V): VersionedMap<V> {
    const shared = this.#shared;
    if (this.#version !== shared.newest) return VersionedMap.of(this).set(name, value);
    const since = ++shared.newest;
    const cells = shared.cells.get(name);
    if (cells === undefined) shared.cells.set(name, [{ since, value }]);
    else cells.push({ since, value });
    return new VersionedMap(shared, since);
  }

  /** Returns the version in which all of these are set, in order. */
  setAll(entries: Iterable<readonly [name: string, value: V]>): VersionedMap<V> {
    return Iterator.from(entries).reduce<VersionedMap<V>>((map, [name, value]) => map.set(name, value), this);
  }

  /** Names and values in the order in which names were first set. */
  *[Symbol.iterator](): Generator<readonly [name: string, value: V]> {
    for (const [name, cells] of this.#shared.cells) {
      const cell = this.#cell(cells);
      // Names are in the order of versions: behind the first that is too new there are only newer ones.
      if (cell === undefined) return;
      yield [name, cell.value];
    }
  }

  *keys(): Generator<string> {
    for (const [name] of this) yield name;
  }

  /** Returns the newest cell that is not newer than this version. */
  #cell(cells: readonly Cell<V>[] | undefined): Cell<V> | undefined {
    let [low, high] = [0, cells?.length ?? 0];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((cells?.[middle]?.since ?? Infinity) <= this.#version) low = middle + 1;
      else high = middle;
    }
    return cells?.[low - 1];
  }
}
