/**
 * fake-gcs-server, which speaks Google Cloud Storage's JSON API and takes any credentials or none.
 *
 * @module
 */
import { GO_PROGRAMS, goProgram } from "./go_program.ts";
import { startServerProcess } from "./server_process.ts";

/** A running server with an empty bucket. */
export interface GcsServer extends AsyncDisposable {
  /** `127.0.0.1:port`. */
  readonly host: string;
  readonly bucket: string;
  put(name: string, content: Uint8Array | string): Promise<void>;
  remove(name: string): Promise<void>;
}

/** Starts the server. */
export async function startGcsServer(): Promise<GcsServer> {
  const program = await goProgram(GO_PROGRAMS.fakeGcsServer);
  const process = await startServerProcess({
    command: ({ port }) => [
      program,
      "-scheme=http",
      "-host=127.0.0.1",
      `-port=${port}`,
      "-backend=memory",
      `-public-host=127.0.0.1:${port}`,
      `-external-url=http://127.0.0.1:${port}`,
    ],
    ready: "/storage/v1/b",
  });
  const url = `http://${process.host}`;
  const bucket = "contexts";
  const send = async (path: string, init: RequestInit): Promise<void> => {
    const response = await fetch(`${url}${path}`, init);
    const said = await response.text();
    if (!response.ok) throw new Error(`Cannot prepare fake-gcs-server: ${response.status} ${said}`);
  };
  try {
    const body = JSON.stringify({ name: bucket });
    await send("/storage/v1/b?project=p", { method: "POST", body, headers: { "content-type": "application/json" } });
  } catch (error) {
    await process[Symbol.asyncDispose]();
    throw error;
  }
  return {
    host: process.host,
    bucket,
    put: (name, content) =>
      send(`/upload/storage/v1/b/${bucket}/o?uploadType=media&name=${encodeURIComponent(name)}`, {
        method: "POST",
        // fetch takes views of plain buffers only.
        body: typeof content === "string" ? content : content.slice(),
        headers: { "content-type": "application/octet-stream" },
      }),
    remove: (name) => send(`/storage/v1/b/${bucket}/o/${encodeURIComponent(name)}`, { method: "DELETE" }),
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}
