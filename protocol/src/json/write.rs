//! JSON text, written piece by piece into a string: no tree of values stands between a frame and its text.

/// The last integer up to which every one has a double of its own.
const SAFE_INTEGER: u64 = (1 << 53) - 1;

/// An object that is being written.
pub(super) struct Object<'a> {
    out: &'a mut String,
    empty: bool,
}

impl<'a> Object<'a> {
    pub fn begin(out: &'a mut String) -> Self {
        out.push('{');
        Self { out, empty: true }
    }

    /// Begins a frame.
    pub fn frame(out: &'a mut String, kind: &str) -> Self {
        let mut object = Self::begin(out);
        object.text("type", kind);
        object
    }

    /// Writes a field's name; the value must follow.
    pub fn field(&mut self, name: &str) -> &mut String {
        if !self.empty {
            self.out.push(',');
        }
        self.empty = false;
        self.out.push('"');
        self.out.push_str(name);
        self.out.push_str("\":");
        self.out
    }

    pub fn text(&mut self, name: &str, value: &str) {
        text(self.field(name), value);
    }

    pub fn maybe_text(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    pub fn number(&mut self, name: &str, value: impl Into<u64>) {
        number(self.field(name), value.into());
    }

    pub fn flag(&mut self, name: &str, value: bool) {
        self.field(name).push_str(if value { "true" } else { "false" });
    }

    pub fn list<T>(&mut self, name: &str, items: impl IntoIterator<Item = T>, each: impl Fn(&mut String, T)) {
        list(self.field(name), items, each);
    }

    pub fn end(self) {
        self.out.push('}');
    }
}

pub(super) fn list<T>(out: &mut String, items: impl IntoIterator<Item = T>, each: impl Fn(&mut String, T)) {
    out.push('[');
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        each(out, item);
    }
    out.push(']');
}

pub(super) fn one_or_many<T>(items: &[T], each: fn(&T, &mut String)) -> String {
    let mut out = String::new();
    match items {
        [one] => each(one, &mut out),
        many => list(&mut out, many, |out, item| each(item, out)),
    }
    out
}

fn number(out: &mut String, value: u64) {
    let digits = value.to_string();
    if value > SAFE_INTEGER { text(out, &digits) } else { out.push_str(&digits) }
}

/// A string of RFC 8259. U+007F and beyond need no escape.
pub(super) fn text(out: &mut String, value: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push('"');
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\x1f' => {
                out.push_str("\\u00");
                out.push(char::from(HEX[c as usize >> 4]));
                out.push(char::from(HEX[c as usize & 15]));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}
