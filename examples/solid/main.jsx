import { createSignal, For } from "solid-js";
import { render } from "solid-js/web";
import { client, topic } from "./client.js";
import { createStatus, createTopic } from "./topic.js";

function Chat() {
  const messages = createTopic(client, topic);
  const status = createStatus(client);
  const [text, setText] = createSignal("");
  const send = event => {
    event.preventDefault();
    client.publish(topic, { text: text() }).catch(error => alert(`Not sent: ${error.message}`));
    setText("");
  };
  return (
    <>
      <p>{status().state}</p>
      <ul><For each={messages()}>{message => <li>{message.data.text}</li>}</For></ul>
      <form onSubmit={send}>
        <input aria-label="Message" value={text()} onInput={event => setText(event.target.value)} />
        <button>Send</button>
      </form>
    </>
  );
}

render(() => <Chat />, document.querySelector("#app"));
