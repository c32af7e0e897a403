// An answer that is written word by word. The question goes by POST, the answer comes as a stream; when that breaks off, it is asked
// for again from the last word that came, and the server goes on from there.

import { ResumableEventSource } from "everwire/eventsource";

const app = document.querySelector("#app");
app.innerHTML = `<form><input aria-label="Question" autocomplete="off"><button>Ask</button></form><p></p><small></small>`;
const [form, input, answer, note] = ["form", "input", "p", "small"].map(name => app.querySelector(name));
let source;

form.onsubmit = event => {
  event.preventDefault();
  source?.close();
  answer.textContent = note.textContent = "";
  source = new ResumableEventSource("/answer", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ id: crypto.randomUUID(), question: input.value }),
    retry: "transient",
    heartbeatTimeout: 30_000,
  });
  source.onmessage = ({ data }) => (answer.textContent += data);
  source.onerror = ({ fatal, refusal }) => (note.textContent = fatal ? `No answer: ${refusal?.body || "it failed"}` : "interrupted, going on …");
  source.addEventListener("done", () => {
    note.textContent = "done";
    source.close();
  });
};
