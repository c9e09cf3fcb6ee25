const assert = require("node:assert");

describe("the server's packages", () => {
  it("load", () => assert.equal(typeof require("express"), "function"));
});
