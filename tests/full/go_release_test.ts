/**
 * Go as machines get it that have none: the suite must not need more than Node.js and apt.
 *
 * @module
 */
import assert from "node:assert/strict";
import { run } from "../support/environment/command.ts";
import { downloadGo, isNewEnough } from "../support/environment/go.ts";

Deno.test("Go's own release, as the module proxy has it, builds programs", async () => {
  const go = await downloadGo();
  const folder = await Deno.makeTempDir({ prefix: "kiln-go-" });
  try {
    await Deno.writeTextFile(`${folder}/go.mod`, "module hello\n\ngo 1.26\n");
    await Deno.writeTextFile(
      `${folder}/main.go`,
      'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println("hello") }\n',
    );
    const env = { GOTOOLCHAIN: "local", CGO_ENABLED: "0", GOCACHE: `${folder}/cache` };
    await run([go, "build", "-o", "hello", "."], { cwd: folder, env });
    assert.equal((await run([`${folder}/hello`])).stdout, "hello\n");
    assert.ok(isNewEnough((await run([go, "env", "GOVERSION"], { env })).stdout));
  } finally {
    await run(["rm", "-rf", folder]);
  }
});

Deno.test("a Go that is too old for the suite is not taken", () => {
  const answers = ["go1.26.8", "go1.27", "go2.0.1", "go1.25.9", "go1.4", "devel", ""];
  assert.deepEqual(answers.filter(isNewEnough), ["go1.26.8", "go1.27", "go2.0.1"]);
});
