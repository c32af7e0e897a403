// In the page: runs a case with one class or the other, and writes down what the app would see. Which class it is makes no difference
// here, but for the waits between attempts, which are made short where they can be.

const platform = { stream: globalThis.EventSource, socket: globalThis.WebSocket };
const states = { stream: ["CONNECTING", "OPEN", "CLOSED"], socket: ["CONNECTING", "OPEN", "CLOSING", "CLOSED"] };
const quick = { backoffBase: 1 };

async function classOf(kind, ours) {
  if (!ours) return platform[kind];
  const module = await import(kind === "stream" ? "/package/eventsource.js" : "/package/websocket.js");
  await module.init();
  return kind === "stream" ? module.ResumableEventSource : module.ReconnectingWebSocket;
}

const shown = data => JSON.stringify(data.length > 60 ? `${data.slice(0, 10)}… (${data.length})` : data);

/** What is not as it should be about an event; usually nothing. */
function oddities(event) {
  const odd = [];
  if (event.origin !== location.origin && event.origin !== location.origin.replace("http", "ws")) odd.push(`origin ${event.origin}`);
  if (event.bubbles || event.cancelable || event.defaultPrevented) odd.push("bubbles or can be cancelled");
  return odd.length > 0 ? `, ${odd.join()}` : "";
}

globalThis.runStream = async (name, ours, closes) => {
  const Class = await classOf("stream", ours);
  const log = [];
  const url = `/case/${name}/${ours ? "ours" : "platform"}`;
  const source = ours ? new Class(url, quick) : new Class(url);
  await new Promise(resolve => {
    const finish = () => { source.close(); resolve(); };
    const told = event => {
      if (event.type === "end") return finish();
      if (event.data === undefined) {
        log.push(event.type === "error" ? `error, ${states.stream[source.readyState]}` : event.type);
        if (event.type === "error" && source.readyState === 2) finish();
        return;
      }
      const id = event.lastEventId ? `, id ${JSON.stringify(event.lastEventId)}` : "";
      log.push(`${event.type} ${shown(event.data)}${id}${oddities(event)}`);
      if (closes && event.data === "close") finish();
      // The server goes on when it is here: what a stream that breaks had not handed out yet is nobody's, and asked for again.
      if (event.data === "got?") fetch(`/got/${name}/${ours ? "ours" : "platform"}`);
    };
    for (const type of ["open", "error", "message", "other", "none", "end"]) source.addEventListener(type, told);
  });
  // What was on its way would have come by now.
  await fetch("/files/page.mjs");
  if (source.url !== new URL(url, location.href).href) log.push(`url ${source.url}`);
  log.push(states.stream[source.readyState]);
  return log;
};

globalThis.runSocket = async (name, ours, page, protocols = []) => {
  const Class = await classOf("socket", ours);
  const log = [];
  const note = line => log.push(line);
  const url = `${location.origin.replace("http", "ws")}/case/${name}/${ours ? "ours" : "platform"}`;
  const socket = ours ? new Class(url, protocols, quick) : new Class(url, protocols);
  let reading = Promise.resolve();
  // What comes after the first close is of another link.
  let over = false;
  const see = (type, told) => socket.addEventListener(type, event => over || told(event));
  const closed = new Promise(resolve => {
    see("open", () => note(`open${socket.protocol && `, protocol ${socket.protocol}`}`));
    see("message", event => {
      const { data } = event;
      const odd = oddities(event);
      if (typeof data === "string") return note(`message ${shown(data)}${odd}`);
      const place = log.push("") - 1;
      const read = new Response(data).text().then(text => {
        log[place] = `message ${data.constructor.name} ${shown(text)}${odd}`;
      });
      reading = Promise.all([reading, read]);
    });
    see("error", () => note("error"));
    see("close", event => {
      over = true;
      note(`close ${event.code} ${JSON.stringify(event.reason)}${event.wasClean ? ", clean" : ""}`);
      // In a task of its own, when all other listeners have heard of it.
      setTimeout(resolve);
    });
  });
  if (page) await (0, eval)(`(${page})`)(socket, note);
  await closed;
  socket.close();
  await reading;
  return log;
};

/** What can be seen without a server: a line for each question. */
globalThis.runInterface = async (kind, ours) => {
  const Class = await classOf(kind, ours);
  const lines = {};
  const ask = (question, answer) => {
    try {
      lines[question] = String(answer());
    } catch (error) {
      lines[question] = `throws ${error.name}`;
    }
  };
  const path = kind === "stream" ? "/case/none/0" : `${location.origin.replace("http", "ws")}/case/none/0`;
  const make = () => {
    const made = new Class(path);
    made.close();
    return made;
  };
  for (const [index, state] of states[kind].entries()) {
    ask(`Class.${state}`, () => Class[state] === index);
    ask(`object.${state}`, () => make()[state] === index);
    ask(`Class.${state} can be changed`, () => { "use strict"; Class[state] = 7; return true; });
  }
  ask("a call without new", () => Class(path));
  ask("no argument", () => new Class());
  ask("a URL that is none", () => new Class("http://["));
  ask("a URL object", () => { const made = new Class(new URL(path, location.href)); made.close(); return made.url.endsWith(path); });
  ask("a relative URL", () => { const made = new Class("x?y"); made.close(); return made.url.replace(location.host, "HOST"); });
  ask("a URL with a fragment", () => { const made = new Class(`${path}#part`); made.close(); return made.url.endsWith("#part"); });
  ask("is an EventTarget", () => make() instanceof EventTarget);
  ask("state at first", () => { const made = new Class(path); const { readyState } = made; made.close(); return readyState; });
  ask("state after close", () => make().readyState);
  ask("url can be set", () => { const made = make(); try { made.url = "x"; } catch { /* in strict code */ } return made.url === "x"; });
  for (const type of kind === "stream" ? ["open", "message", "error"] : ["open", "message", "error", "close"]) {
    const handler = `on${type}`;
    ask(`${handler} at first`, () => make()[handler]);
    ask(`${handler} of no function`, () => { const made = make(); made[handler] = 7; return made[handler]; });
    ask(`${handler} of an object`, () => { const made = make(); made[handler] = {}; return typeof made[handler]; });
    ask(`${handler} is called, with itself as this`, () => {
      const made = make();
      let seen;
      made[handler] = function () { seen = this; };
      made.dispatchEvent(new Event(type));
      return seen === made;
    });
    ask(`${handler} replaced keeps its turn`, () => {
      const made = make();
      const order = [];
      made[handler] = () => order.push("first");
      made.addEventListener(type, () => order.push("listener"));
      made[handler] = () => order.push("second");
      made.dispatchEvent(new Event(type));
      return order;
    });
  }
  ask("close twice", () => { const made = make(); made.close(); return made.readyState; });
  if (kind === "stream") {
    ask("withCredentials at first", () => make().withCredentials);
    ask("withCredentials", () => { const made = new Class(path, { withCredentials: true }); made.close(); return made.withCredentials; });
  } else {
    ask("a URL of http", () => { const made = new Class(path.replace("ws", "http")); made.close(); return made.url.startsWith("ws:"); });
    ask("a URL of ftp", () => new Class("ftp://x/"));
    ask("a subprotocol twice", () => new Class(path, ["a", "a"]));
    ask("a subprotocol twice, in two cases", () => new Class(path, ["a", "A"]).close());
    ask("a subprotocol that is empty", () => new Class(path, ""));
    ask("a subprotocol with a space", () => new Class(path, "a b"));
    ask("binaryType at first", () => make().binaryType);
    ask("bufferedAmount at first", () => make().bufferedAmount);
    ask("extensions at first", () => JSON.stringify(make().extensions));
    ask("protocol at first", () => JSON.stringify(make().protocol));
    ask("send without argument", () => make().send());
  }
  return lines;
};
