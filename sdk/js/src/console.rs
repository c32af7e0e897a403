//! The client's log on the browser's console, for the option `debug`: one line for each record, its fields as an
//! object. Only with the feature `log`.

use js_sys::Object;
use log::{
    LevelFilter, Log, Metadata, Record,
    kv::{Error, Key, Value, VisitSource},
};
use wasm_bindgen::prelude::*;

use crate::value::set;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console)]
    fn debug(message: &str, fields: &Object);
}

/// Writes every record to the console from now on. Without effect where the page has another logger.
pub(crate) fn start() {
    if log::set_logger(&Console).is_ok() {
        log::set_max_level(LevelFilter::Debug);
    }
}

struct Console;

impl Log for Console {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let mut fields = Fields(Object::new());
        // Fails only where a visitor does, and this one doesn't.
        let _ = record.key_values().visit(&mut fields);
        debug(record.args().as_str().unwrap_or_default(), &fields.0);
    }

    fn flush(&self) {}
}

struct Fields(Object);

impl<'kvs> VisitSource<'kvs> for Fields {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        let value = if let Some(text) = value.to_borrowed_str() {
            text.into()
        } else if let Some(number) = value.to_u64() {
            JsValue::from_f64(number as f64)
        } else {
            value.to_bool().map_or(JsValue::UNDEFINED, JsValue::from)
        };
        set(&self.0, key.as_str(), &value);
        Ok(())
    }
}
