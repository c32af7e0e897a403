//! The JavaScript surface of Everwire: wasm-bindgen bindings and nothing else. The npm package's TypeScript
//! face stands on this; the surface is made for few crossings between JavaScript and wasm, the face for
//! people.
//!
//! A subscription's callback gets all that waits at once, as an array of events. Messages, which come by the
//! thousand, are not objects but columns: one event of type `messages` holds a run of them, their payloads in
//! one string, to be cut where columns of numbers say, or parsed all at once (see `events`). So a batch costs the same few
//! crossings whatever its length, and a payload is parsed only when somebody wants it:
//!
//! ```js
//! client.subscribe("room:general", { from: "last:50" }, events => {
//!   for (const event of events) {
//!     if (event.type !== "messages") { console.log(event.type, event); continue; }
//!     const { count, first, numbers, text } = event;
//!     for (let i = 0; i < count; i++) {
//!       const [start, end] = [i === 0 ? 0 : numbers[count + i - 1], numbers[count + i]];
//!       console.log(first + i, numbers[i], JSON.parse(text.slice(start + 1, end)));
//!     }
//!   }
//! });
//! const position = await client.publish("room:general", { user: "ada", text: "hello" });
//! ```

mod client;
#[cfg(feature = "log")]
mod console;
mod events;
mod options;
mod value;

pub use client::{Client, Subscription};

/// Two kilobytes of brotli smaller than Rust's own, and quicker by its authors' benchmarks.
#[cfg(all(target_family = "wasm", not(target_feature = "atomics")))]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

#[cfg(all(test, target_arch = "wasm32"))]
mod tests;
