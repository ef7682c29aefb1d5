// Serves PostgreSQL with pgvector (PGlite, in memory) on a free loopback port
// until SIGTERM, SIGINT or the end of its life, and writes the port to a file
// once it answers.
//
//	node pgvector.cjs MODULES PORTFILE SECONDS
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { createRequire } = require("node:module");

const [modules, portFile, seconds] = process.argv.slice(2);
const load = createRequire(path.join(modules, "package.json"));
const { PGlite } = load("@electric-sql/pglite");
const { vector } = load("@electric-sql/pglite-pgvector");
const { PGLiteSocketServer } = load("@electric-sql/pglite-socket");

async function main() {
  const db = await PGlite.create({ extensions: { vector } });
  await db.exec("CREATE EXTENSION IF NOT EXISTS vector");
  // One connection is the default, and a second is closed at once: a pool needs more.
  const server = new PGLiteSocketServer({ db, host: "127.0.0.1", port: 0, maxConnections: 64 });
  let port = 0;
  server.addEventListener("listening", (e) => { port = e.detail.port; });
  await server.start();
  const stop = async () => {
    await server.stop();
    process.exit(0);
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  setTimeout(stop, Number(seconds) * 1000); // nobody's server outlives its run by much
  fs.writeFileSync(portFile + ".new", String(port));
  fs.renameSync(portFile + ".new", portFile);
}

main().catch((err) => {
  console.error("pgvector:", err.message);
  process.exit(1);
});
