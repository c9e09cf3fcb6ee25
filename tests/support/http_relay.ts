/**
 * An HTTP relay in front of a real server, to come between: to change the world before a request, to answer in the
 * server's place, to cut a body short.
 *
 * @module
 */
import http from "node:http";
import { type Identity, type SeenRequest, startServer, type TestServer } from "./registry_server.ts";

/** What is done with a request. */
export interface Intervention {
  /** Resets the connection after so many bytes of the body. */
  readonly cutAfter?: number;
  /** Answers in the server's place. */
  readonly answer?: (response: http.ServerResponse) => void;
  /** Sent on in place of the request's own headers of these names. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
}

/** Looks at each request before it is sent on. */
export type Intervene = (
  request: SeenRequest,
  index: number,
) => Intervention | undefined | Promise<Intervention | undefined>;

/** Starts a relay, over TLS if it is given an identity. */
export function startHttpRelay(target: string, intervene: Intervene, identity?: Identity): Promise<TestServer> {
  const counter = { requests: 0 };
  return startServer(async (request, response) => {
    const what = await intervene(request, counter.requests++) ?? {};
    if (what.answer !== undefined) return what.answer(response);
    await new Promise<void>((resolve) => {
      response.on("close", resolve);
      const [host, port] = target.split(":");
      const headers = { ...request.headers, ...what.headers };
      for (const [name, value] of Object.entries(headers)) if (value === undefined) delete headers[name];
      const onward = http.request(
        { host, port, method: request.method, path: request.path, headers, agent: false },
        (answer) => {
          response.writeHead(answer.statusCode ?? 0, answer.headers);
          if (what.cutAfter === undefined) return void answer.pipe(response);
          let passed = 0;
          answer.on("data", (chunk) => {
            const room = (what.cutAfter ?? 0) - passed;
            if (room <= 0) return;
            passed += chunk.length;
            if (chunk.length < room) return void response.write(chunk);
            response.write(chunk.subarray(0, room), () => {
              response.socket?.resetAndDestroy();
              answer.destroy();
            });
          });
          answer.on("end", () => response.end());
        },
      );
      onward.on("error", () => response.destroy());
      response.req.pipe(onward);
    });
  }, identity);
}
