//! The fields of a JSON object that came from the other side: each is parsed when it is asked for, and
//! checked against its bounds.

use std::{collections::BTreeMap, str::FromStr};

use serde_json::value::RawValue;

use crate::{limits, position};

use super::JsonError;

pub(super) type Result<T> = std::result::Result<T, JsonError>;

/// An object's fields by name, their values unparsed. Of a name that stands twice the last one counts;
/// `null` counts as absent.
pub(super) struct Fields<'a>(BTreeMap<String, &'a RawValue>);

/// The objects of a text: the one that it is, or those of the array that it is; and whether it is one.
pub(super) fn objects(text: &str) -> Result<(Vec<&RawValue>, bool)> {
    if text.len() > limits::FRAME_BYTES {
        return Err(JsonError::TooLarge);
    }
    if text.trim_start().starts_with('[') {
        serde_json::from_str(text).map(|all| (all, true)).map_err(|_| JsonError::Syntax)
    } else {
        serde_json::from_str(text).map(|one| (vec![one], false)).map_err(|_| JsonError::Syntax)
    }
}

/// Reads the frames of a message, passing over the unknown ones.
pub(super) fn frames<T>(text: &str, read: fn(&str, &Fields<'_>) -> Result<Option<T>>) -> Result<Vec<T>> {
    let (objects, _) = objects(text)?;
    let frame = |object| {
        let fields = Fields::of(object)?;
        read(&fields.text("type", limits::MESSAGE_BYTES)?, &fields)
    };
    objects.into_iter().filter_map(|object| frame(object).transpose()).collect()
}

impl<'a> Fields<'a> {
    pub fn of(object: &'a RawValue) -> Result<Self> {
        serde_json::from_str(object.get()).map(Self).map_err(|_| JsonError::Syntax)
    }

    /// The value as it stands in the text, `null` as well.
    pub fn value(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).map(|value| value.get())
    }

    pub fn has(&self, name: &str) -> bool {
        self.present(name).is_some()
    }

    fn present(&self, name: &str) -> Option<&'a str> {
        self.value(name).filter(|value| *value != "null")
    }

    pub fn maybe_text(&self, name: &'static str, max: usize) -> Result<Option<String>> {
        let Some(value) = self.present(name) else { return Ok(None) };
        let text: String = serde_json::from_str(value).map_err(|_| JsonError::Invalid(name))?;
        if text.len() > max { Err(JsonError::Invalid(name)) } else { Ok(Some(text)) }
    }

    pub fn text(&self, name: &'static str, max: usize) -> Result<String> {
        self.maybe_text(name, max)?.ok_or(JsonError::Missing(name))
    }

    /// A text that is parsed into something that checks its own length.
    pub fn maybe_parsed<T: FromStr>(&self, name: &'static str) -> Result<Option<T>> {
        let text = self.maybe_text(name, limits::FRAME_BYTES)?;
        text.map(|text| text.parse().map_err(|_| JsonError::Invalid(name))).transpose()
    }

    pub fn parsed<T: FromStr>(&self, name: &'static str) -> Result<T> {
        self.maybe_parsed(name)?.ok_or(JsonError::Missing(name))
    }

    /// An integer, as a number or as a string of digits.
    pub fn maybe_wide(&self, name: &'static str) -> Result<Option<u64>> {
        let Some(value) = self.present(name) else { return Ok(None) };
        let digits = match value.strip_prefix('"') {
            Some(quoted) => quoted.strip_suffix('"').ok_or(JsonError::Invalid(name))?,
            None => value,
        };
        position::parse_digits(digits).map(Some).map_err(|_| JsonError::Invalid(name))
    }

    pub fn wide(&self, name: &'static str) -> Result<u64> {
        self.maybe_wide(name)?.ok_or(JsonError::Missing(name))
    }

    /// An integer of a smaller type.
    pub fn number<T: TryFrom<u64>>(&self, name: &'static str) -> Result<T> {
        self.wide(name)?.try_into().map_err(|_| JsonError::Invalid(name))
    }

    /// `true` or `false`; false when absent.
    pub fn flag(&self, name: &'static str) -> Result<bool> {
        match self.present(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(JsonError::Invalid(name)),
        }
    }

    pub fn object(&self, name: &'static str) -> Result<Option<Fields<'a>>> {
        let Some(value) = self.present(name) else { return Ok(None) };
        serde_json::from_str(value).map(|fields| Some(Self(fields))).map_err(|_| JsonError::Invalid(name))
    }

    pub fn objects(&self, name: &'static str, max: usize) -> Result<Vec<Fields<'a>>> {
        let value = self.present(name).ok_or(JsonError::Missing(name))?;
        let objects: Vec<&RawValue> = serde_json::from_str(value).map_err(|_| JsonError::Invalid(name))?;
        if objects.len() > max {
            return Err(JsonError::Invalid(name));
        }
        objects.into_iter().map(|object| Self::of(object).map_err(|_| JsonError::Invalid(name))).collect()
    }
}
