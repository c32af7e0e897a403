//! The `text/event-stream` parser of the WHATWG HTML standard, fed by bytes. It knows nothing of Everwire,
//! of sessions or of any I/O, so it serves any server's streams.

mod parser;
#[cfg(test)]
mod tests;

pub use parser::{Event, Parser, TooLong};
