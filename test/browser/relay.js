// A connection that tests can slow down and break. It stands between the browser and the server and passes on what it does not understand.
import net from "node:net";

/** relay starts one before a server's address; close() ends it. */
export async function relay(url) {
  const port = Number(new URL(url).port);
  const state = { rate: Infinity, down: false }; // bytes/s from the browser to the server
  const pairs = new Set();
  const listener = net.createServer((browser) => {
    if (state.down) return browser.destroy();
    const server = net.connect(port, "localhost");
    const pair = { browser, server, lost: false };
    pairs.add(pair);
    const end = () => {
      if (pair.lost) return;
      pairs.delete(pair);
      [browser, server].forEach((s) => s.destroy());
    };
    for (const s of [browser, server]) s.on("error", end).on("close", end);
    browser.on("data", (data) => {
      if (pair.lost) return;
      const flows = server.write(data);
      if (state.rate !== Infinity) {
        browser.pause();
        setTimeout(() => browser.resume(), (data.length / state.rate) * 1000);
      } else if (!flows) {
        browser.pause();
        server.once("drain", () => browser.resume());
      }
    });
    server.on("data", (data) => pair.lost || browser.write(data));
  });
  await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const all = (f) => [...pairs].forEach(f);
  return {
    /** flag makes a browser take this way to the server. */
    flag: `--host-resolver-rules=MAP localhost:${port} 127.0.0.1:${listener.address().port}`,
    /** slow limits what the browser sends, in bytes/s. */
    slow: (rate = Infinity) => void (state.rate = rate),
    /** cut ends all connections and takes no new ones until mend. */
    cut() {
      state.down = true;
      all((p) => (p.browser.destroy(), p.server.destroy()));
    },
    /** lose is a cut that the server does not learn of. */
    lose() {
      state.down = true;
      all((p) => ((p.lost = true), p.browser.destroy()));
    },
    mend: () => void (state.down = false),
    close() {
      all((p) => (p.browser.destroy(), p.server.destroy()));
      listener.close();
    },
  };
}
