import { client, topic } from "./client.js";

const app = document.querySelector("#app");
app.innerHTML = `<p></p><ul></ul><form><input aria-label="Message" autocomplete="off"><button>Send</button></form>`;
const [state, list, form, input] = ["p", "ul", "form", "input"].map(name => app.querySelector(name));

client.onstate = event => (state.textContent = event.state);

const room = client.subscribe(topic, { from: { last: 50 } });
room.onmessage = ({ data }) => list.append(Object.assign(document.createElement("li"), { textContent: data.text }));
room.ongap = () => list.replaceChildren();

form.onsubmit = event => {
  event.preventDefault();
  client.publish(topic, { text: input.value }).catch(error => alert(`Not sent: ${error.message}`));
  input.value = "";
};
