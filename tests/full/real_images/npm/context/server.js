const express = require("express");

const app = express();
app.get("/", (_request, response) => response.send("hello\n"));

if (process.argv.includes("--check")) console.log(`express ${require("express/package.json").version} is there`);
else app.listen(8080);
