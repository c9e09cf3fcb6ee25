import assert from "node:assert/strict";
import fc from "../../support/fast_check.ts";
import { parseChallenges } from "../../../lib/registry/challenge.ts";

type Plain = readonly (readonly [scheme: string, parameters: Record<string, string>])[];

const CASES: readonly (readonly [name: string, values: readonly string[], challenges: Plain])[] = [
  ["nothing", [], []],
  ["an empty value", [""], []],
  ["a bare scheme", ["Negotiate"], [["negotiate", {}]]],
  ["Basic with a realm", ['Basic realm="Registry"'], [["basic", { realm: "Registry" }]]],
  [
    "Bearer as registries send it",
    ['Bearer realm="https://auth.example/token",service="reg",scope="repository:a/b:pull,push"'],
    [["bearer", { realm: "https://auth.example/token", service: "reg", scope: "repository:a/b:pull,push" }]],
  ],
  [
    "blanks around commas and equals signs",
    ['Bearer  realm = "https://a/t" ,  service = reg'],
    [["bearer", { realm: "https://a/t", service: "reg" }]],
  ],
  ["unquoted values with slashes", ["Bearer realm=https://a/t,service=reg"], [["bearer", {
    realm: "https://a/t",
    service: "reg",
  }]]],
  ["names and schemes of any case", ['BEARER Realm="x"'], [["bearer", { realm: "x" }]]],
  ["escaped quotes", [String.raw`Basic realm="a \"b\" \\c"`], [["basic", { realm: 'a "b" \\c' }]]],
  ["commas inside quotes", ['Basic realm="a, b=c, Bearer d"'], [["basic", { realm: "a, b=c, Bearer d" }]]],
  [
    "two challenges in one value",
    ['Basic realm="x", Bearer realm="https://a/t",service="s"'],
    [["basic", { realm: "x" }], ["bearer", { realm: "https://a/t", service: "s" }]],
  ],
  ["two values", ['Basic realm="x"', 'Bearer realm="y"'], [["basic", { realm: "x" }], ["bearer", { realm: "y" }]]],
  ["a bare scheme before another", ['Negotiate, Basic realm="x"'], [["negotiate", {}], ["basic", { realm: "x" }]]],
  ["the first of two equal parameters", ['Bearer realm="https://a/",realm="https://evil/"'], [["bearer", {
    realm: "https://a/",
  }]]],
  ["empty values", ['Bearer realm="",service='], [["bearer", { realm: "", service: "" }]]],
  ["no challenge whose quotes do not end", ['Bearer realm="https://a/t'], []],
  ["what stands before a malformed part", ['Basic realm="x", Bearer realm="y'], [["basic", { realm: "x" }]]],
  ["no challenge of mere punctuation", ["=,=,==", '"', ",,,"], []],
  ["no value longer than 8 KiB", [`Bearer realm="${"x".repeat(9000)}"`], []],
  ["the short value beside a long one", ["x".repeat(9000), 'Basic realm="y"'], [["basic", { realm: "y" }]]],
];

for (const [name, values, challenges] of CASES) {
  Deno.test(`parseChallenges() reads ${name}`, () => {
    const plain = parseChallenges(values).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
    assert.deepEqual(plain, challenges);
  });
}

Deno.test("parseChallenges() takes time in proportion to the text, whatever it is", () => {
  const hostile = [
    "a=".repeat(4000),
    `a="${"\\".repeat(8000)}`,
    "a ".repeat(4000),
    ",".repeat(8000),
    "a,b ".repeat(2000),
  ];
  const start = performance.now();
  for (const text of hostile) parseChallenges([text]);
  assert.ok(performance.now() - start < 1000);
});

Deno.test("parseChallenges() reads back every challenge that can be written", () => {
  const token = fc.stringMatching(/^[A-Za-z0-9!#$%&*+.^_`|~-]{1,10}$/);
  const value = fc.string({ maxLength: 30 });
  const challenge = fc.tuple(token, fc.dictionary(token, value, { minKeys: 1, maxKeys: 4 }));
  fc.assert(fc.property(fc.array(challenge, { maxLength: 3 }), (challenges) => {
    const text = challenges.map(([scheme, parameters]) => {
      const pairs = Object.entries(parameters).map(([name, value]) => `${name}="${value.replace(/["\\]/g, "\\$&")}"`);
      return `${scheme} ${pairs.join(", ")}`;
    }).join(", ");
    const expected = challenges.map(([scheme, parameters]) => {
      // Names differ in more than case, or the first one counts.
      const lower = new Map<string, string>();
      for (const [name, value] of Object.entries(parameters)) {
        if (!lower.has(name.toLowerCase())) lower.set(name.toLowerCase(), value);
      }
      return { scheme: scheme.toLowerCase(), parameters: lower };
    });
    assert.deepEqual(parseChallenges([text]), expected);
  }));
});
