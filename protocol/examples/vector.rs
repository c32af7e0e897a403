//! Shows one message in all three codecs: to look at the wire, and to draft a golden vector, which is
//! then checked by hand against `docs/protocol.md` before it goes into `protocol/vectors`.
//!
//! ```text
//! echo '{"type":"gap","alias":0,"from":18,"to":40,"reason":"evicted","epoch":"k3x9","offset":40}' |
//!     cargo run -q -p everwire-protocol --features json --example vector -- server
//! ```

use std::{
    env,
    error::Error,
    io::{self, Write},
};

use everwire_protocol::{Cursor, binary, event, json};

fn main() -> Result<(), Box<dyn Error>> {
    let message = io::read_to_string(io::stdin())?;
    let (mut bytes, mut stream) = (Vec::new(), String::new());
    let text = match env::args().nth(1).as_deref() {
        Some("client") => {
            let frames = json::decode_client(&message)?;
            frames.iter().for_each(|frame| binary::encode_client(frame, &mut bytes));
            json::client_message(&frames)
        }
        Some("server") => {
            let frames = json::decode_server(&message)?;
            frames.iter().for_each(|frame| binary::encode_server(frame, &mut bytes));
            let mut cursor: Cursor = "k3x9-17".parse()?;
            frames.iter().for_each(|frame| event::encode(frame, &mut cursor, &mut stream));
            json::server_message(&frames)
        }
        _ => return Err("say `client` or `server`, and give a JSON message on the standard input".into()),
    };
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    writeln!(io::stdout(), "binary  {hex}\njson    {text}\n\n{stream}")?;
    Ok(())
}
