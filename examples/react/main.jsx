import { useState } from "react";
import { createRoot } from "react-dom/client";
import { client, topic } from "./client.js";
import { useStatus, useTopic } from "./use-topic.js";

function Chat() {
  const messages = useTopic(client, topic);
  const { state } = useStatus(client);
  const [text, setText] = useState("");
  const send = event => {
    event.preventDefault();
    client.publish(topic, { text }).catch(error => alert(`Not sent: ${error.message}`));
    setText("");
  };
  return (
    <>
      <p>{state}</p>
      <ul>{messages.map(message => <li key={message.position}>{message.data.text}</li>)}</ul>
      <form onSubmit={send}>
        <input aria-label="Message" value={text} onChange={event => setText(event.target.value)} />
        <button>Send</button>
      </form>
    </>
  );
}

createRoot(document.querySelector("#app")).render(<Chat />);
