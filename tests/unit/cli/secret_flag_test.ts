/**
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path/posix";
import {
  createSecretReader,
  LARGEST_SECRET,
  parseSecretFlags,
  type SecretReader,
} from "../../../lib/cli/secret_flag.ts";
import { fakeHost } from "./fake_host.ts";
import { assertError, assertThrows } from "./throws.ts";

const WORLD = fakeHost({ env: { TOKEN: "t0ken", NPM: "from-env", EMPTY: "", ODD: "a\ufffdb" } });

const PARSED: readonly (readonly [text: string, source: unknown])[] = [
  ["id=x,src=file", { kind: "file", path: "/here/file" }],
  ["id=x,source=/abs/file", { kind: "file", path: "/abs/file" }],
  ["id=x,src=a,source=b", { kind: "file", path: "/here/b" }],
  ["id=x,env=TOKEN", { kind: "environment", name: "TOKEN" }],
  ["id=x,env=NOT_SET", { kind: "environment", name: "NOT_SET" }],
  ["id=x,type=env,src=TOKEN", { kind: "environment", name: "TOKEN" }],
  ["id=x,type=env,env=TOKEN", { kind: "environment", name: "TOKEN" }],
  ["id=x,type=env", { kind: "environment", name: "x" }],
  ["id=x,type=file", { kind: "file", path: "/here/x" }],
  ["id=NPM", { kind: "environment", name: "NPM" }],
  ["id=NPM,type=file", { kind: "file", path: "/here/NPM" }],
  ["id=x", { kind: "file", path: "/here/x" }],
  ["id=x,src=,env=TOKEN", { kind: "environment", name: "TOKEN" }],
  ["type=file,id=x,src=a=b", { kind: "file", path: "/here/a=b" }],
  ["ID=x,SRC=a", { kind: "file", path: "/here/a" }],
  ['id=x,"src=a,b"', { kind: "file", path: "/here/a,b" }],
];
for (const [text, source] of PARSED) {
  Deno.test(`--secret, "${text}" is ${JSON.stringify(source)}`, () => {
    const id = text.startsWith("id=NPM") ? "NPM" : "x";
    assert.deepEqual(parseSecretFlags([text], WORLD), [{ id, source }]);
  });
}

const REFUSED: readonly (readonly [text: string, why: string])[] = [
  ["x", '"x" has no "="'],
  ["id=x,file", '"file" has no "="'],
  ["", "it has no id"],
  ["src=a", "it has no id"],
  ["id=,src=a", "it has no id"],
  ["id=x,target=/y", 'it does not know "target"'],
  ["id=x,type=ssh", 'the type "ssh" is not file or env'],
  ["id=x,src=a,env=B", "it has both a file and an environment variable"],
  ["id=x,type=env,src=a,env=B", "it has both a file and an environment variable"],
  ["id=x,type=file,env=B", "it has the type file and an environment variable"],
  ['id=x,"src=a', "its quotes do not pair up"],
];
for (const [text, why] of REFUSED) {
  Deno.test(`--secret, refuses "${text}"`, () => {
    assertThrows(() => parseSecretFlags([text], WORLD), { message: `Cannot use --secret "${text}": ${why}` });
  });
}

Deno.test("--secret, refuses an id given twice", () => {
  assertThrows(() => parseSecretFlags(["id=x,src=a", "id=x,src=b"], WORLD), {
    message: 'Cannot use --secret "id=x,src=b": the id "x" is given twice',
  });
});

interface Reading {
  readonly reader: SecretReader;
  readonly revealed: string[];
}

function readerOf(...texts: readonly string[]): Reading {
  const revealed: string[] = [];
  const reveal = (value: Uint8Array): void => void revealed.push(new TextDecoder().decode(value));
  return { reader: createSecretReader(parseSecretFlags(texts, WORLD), { world: WORLD, reveal }), revealed };
}

/** Runs `body` with a directory that is gone afterwards. */
async function withDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await body(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("secret reader, reads a file as it is and reveals it to the redactor first", async () => {
  await withDirectory(async (directory) => {
    const value = Uint8Array.of(0xff, 0x00, 0x0a);
    await Deno.writeFile(join(directory, "key"), value);
    const { reader, revealed } = readerOf(`id=k,src=${directory}/key`);
    assert.deepEqual(await reader.read("k"), value);
    assert.equal(revealed.length, 1);
  });
});

Deno.test("secret reader, reads an environment variable", async () => {
  const { reader, revealed } = readerOf("id=a,env=TOKEN", "id=b,env=EMPTY");
  assert.deepEqual(await reader.read("a"), new TextEncoder().encode("t0ken"));
  assert.deepEqual(await reader.read("b"), new Uint8Array());
  assert.deepEqual(revealed, ["t0ken", ""]);
});

Deno.test("secret reader, reads nothing before it is asked", async () => {
  const { reader, revealed } = readerOf("id=a,env=NOT_SET", "id=b,src=/does/not/exist", "id=c,env=TOKEN");
  assert.deepEqual(reader.ids, ["a", "b", "c"]);
  await reader.read("c");
  assert.deepEqual(revealed, ["t0ken"]);
});

Deno.test("secret reader, reads a source only once, as a pipe gives its bytes only once", async () => {
  await withDirectory(async (directory) => {
    await Deno.writeTextFile(join(directory, "key"), "first");
    const { reader, revealed } = readerOf(`id=k,src=${directory}/key`);
    await reader.read("k");
    await Deno.writeTextFile(join(directory, "key"), "second");
    assert.deepEqual([new TextDecoder().decode(await reader.read("k")), revealed], ["first", ["first"]]);
  });
});

Deno.test("secret reader, knows nothing of an id that was not given", async () => {
  assert.equal(await readerOf("id=a,env=TOKEN").reader.read("b"), undefined);
});

const UNREADABLE: readonly (readonly [text: string, message: string])[] = [
  ["id=x,env=NOT_SET", 'Cannot read the secret "x": the environment variable "NOT_SET" is not set'],
  ["id=x,env=ODD", 'Cannot read the secret "x": the environment variable "ODD" is not UTF-8 text'],
  ["id=x,src=/does/not/exist", 'Cannot read the secret "x": "/does/not/exist" does not exist'],
  ["id=x,src=/", 'Cannot read the secret "x": "/" is a directory'],
];
for (const [text, message] of UNREADABLE) {
  Deno.test(`secret reader, says why "${text}" cannot be read`, async () => {
    const error = await readerOf(text).reader.read("x").then(() => undefined, (error) => error);
    assertError(error, { message });
  });
}

Deno.test("secret reader, takes a file of just the largest size and refuses a larger one", async () => {
  await withDirectory(async (directory) => {
    await Deno.writeFile(join(directory, "fits"), new Uint8Array(LARGEST_SECRET));
    await Deno.writeFile(join(directory, "large"), new Uint8Array(LARGEST_SECRET + 1));
    const { reader } = readerOf(`id=fits,src=${directory}/fits`, `id=large,src=${directory}/large`);
    assert.equal((await reader.read("fits"))?.length, LARGEST_SECRET);
    const error = await reader.read("large").then(() => undefined, (error) => error);
    assertError(error, { message: `Cannot read the secret "large": "${directory}/large" is larger than 500 KiB` });
  });
});
