//! Finds the web addresses in a message. Text stays text: what comes out is segments, never HTML.

/// A stretch of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment<'a> {
    /// Plain text.
    Text(&'a str),
    /// A whole `http://` or `https://` address; no other scheme is ever made a link.
    Link(&'a str),
}

/// Cuts a message into text and addresses. The segments joined are the message.
#[must_use]
pub fn linkify(text: &str) -> Vec<Segment<'_>> {
    let mut segments = Vec::new();
    let mut done = 0;
    let mut from = 0;
    while let Some(start) = next_scheme(text, from) {
        let link = trim_end(word(&text[start..]));
        if is_address(link) && begins_a_word(text, start) {
            if start > done {
                segments.push(Segment::Text(&text[done..start]));
            }
            segments.push(Segment::Link(link));
            done = start + link.len();
            from = done;
        } else {
            from = start + "http".len();
        }
    }
    if done < text.len() {
        segments.push(Segment::Text(&text[done..]));
    }
    segments
}

fn next_scheme(text: &str, from: usize) -> Option<usize> {
    let rest = &text[from..];
    let found = rest.match_indices("http").map(|(at, _)| at);
    found.map(|at| at + from).find(|&at| {
        let scheme = &text[at..];
        scheme.starts_with("http://") || scheme.starts_with("https://")
    })
}

fn begins_a_word(text: &str, start: usize) -> bool {
    text[..start].chars().next_back().is_none_or(|before| !before.is_alphanumeric())
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| c.is_whitespace() || c.is_control() || "<>\"`".contains(c));
    &text[..end.unwrap_or(text.len())]
}

/// Punctuation after an address belongs to the sentence, and so does a bracket that the address did not open.
fn trim_end(mut link: &str) -> &str {
    loop {
        let Some(last) = link.chars().next_back() else { return link };
        let drop = match last {
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '_' => true,
            ')' => link.matches(')').count() > link.matches('(').count(),
            ']' => link.matches(']').count() > link.matches('[').count(),
            _ => false,
        };
        if !drop {
            return link;
        }
        link = &link[..link.len() - last.len_utf8()];
    }
}

fn is_address(link: &str) -> bool {
    let host = link.split_once("://").map(|(_, rest)| rest).unwrap_or_default();
    host.starts_with(|c: char| c.is_alphanumeric() || c == '[')
}

#[cfg(test)]
mod tests {
    use super::Segment::{Link, Text};
    use super::*;

    #[test]
    fn addresses_are_links_and_the_rest_is_text() {
        assert_eq!(linkify("plain <b>text</b>"), [Text("plain <b>text</b>")]);
        assert_eq!(linkify(""), []);
        assert_eq!(
            linkify("see https://a.example/x?y=1#z, or http://b.example."),
            [
                Text("see "),
                Link("https://a.example/x?y=1#z"),
                Text(", or "),
                Link("http://b.example"),
                Text(".")
            ]
        );
    }

    #[test]
    fn brackets_close_what_the_sentence_opened() {
        assert_eq!(linkify("(https://a.example)"), [Text("("), Link("https://a.example"), Text(")")]);
        assert_eq!(linkify("https://a.example/x_(y)"), [Link("https://a.example/x_(y)")]);
    }

    #[test]
    fn no_other_scheme_and_no_half_address_becomes_a_link() {
        for text in ["javascript:alert(1)", "http://", "https:// a", "xhttp://a.example", "httpx", "http"] {
            assert_eq!(linkify(text), [Text(text)], "{text:?}");
        }
    }

    #[test]
    fn segments_joined_are_the_message_whatever_it_holds() {
        for text in ["é http://é.example/ü! 🦀https://a", "http://http://a.b", "a\u{202e}http://x)))"] {
            let joined: String = linkify(text)
                .into_iter()
                .map(|s| match s {
                    Text(t) | Link(t) => t,
                })
                .collect();
            assert_eq!(joined, text);
        }
    }
}
