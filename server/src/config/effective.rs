//! The configuration as it would hold: every option with its value and where that comes from, in the form of the file,
//! so that it can be kept as one. Secrets are not in it.

use std::fmt::Write;

use figment::value::{Dict, Value};
use figment::{
    Figment,
    providers::{Format, Serialized, Toml},
};

use super::{ConfigError, Options, sources};

/// Every option at its default.
const DEFAULTS: &str = include_str!("../../everwire.toml");
/// What stands in place of a secret.
const HIDDEN: &str = "(hidden)";
/// From where on the sources stand.
const COLUMN: usize = 48;

impl Options {
    /// What holds, as a TOML file with a comment on each line.
    ///
    /// # Errors
    /// [`ConfigError`] when the configuration file can't be read.
    pub fn effective(&self) -> Result<String, ConfigError> {
        let file = self.config.as_deref().map(|path| Ok((path, sources::read(path)?))).transpose()?;
        let mut figment = Figment::from(Toml::string(DEFAULTS));
        if let Some((path, _)) = &file {
            figment = figment.merge(Toml::file_exact(path));
        }
        let merged = figment.merge(Serialized::defaults(self));
        let wrong = |error: figment::Error| ConfigError(error.to_string());
        let values: Dict = merged.extract().map_err(wrong)?;

        let in_file = file.as_ref().map(|(path, dict)| (*path, dict));
        let mut out = String::new();
        for name in sources::names() {
            let source = self.given.source(&name, in_file);
            let line = match values.get(&name) {
                None => format!("# {name} ="),
                // A secret is not to be kept in another place: the line is none.
                Some(_) if is_secret(&name) => format!("# {name} = {HIDDEN}"),
                Some(value) => match toml(value) {
                    part if part.contains(HIDDEN) => format!("# {name} = {part}"),
                    whole => format!("{name} = {whole}"),
                },
            };
            let source = if values.contains_key(&name) { source.to_string() } else { "not set".to_owned() };
            let _ = writeln!(out, "{line:<COLUMN$} # {source}");
        }
        for kind in sources::TABLES {
            let tables = values.get(kind).and_then(Value::as_array).unwrap_or_default();
            for table in tables.iter().filter_map(Value::as_dict) {
                let _ = writeln!(out, "\n[[{kind}]]");
                for (name, value) in table {
                    // A webhook's URL is mostly all that it takes to be believed.
                    let hidden = is_secret(name) || name == "url";
                    let _ = match hidden {
                        true => writeln!(out, "# {name} = {HIDDEN}"),
                        false => writeln!(out, "{name} = {}", toml(value)),
                    };
                }
            }
        }
        Ok(out)
    }
}

/// Whether an option's value is for nobody's eyes.
fn is_secret(name: &str) -> bool {
    name.ends_with("secret") || name.ends_with("password")
}

/// A value as TOML writes it, which is as JSON does for all that options have. An address loses its password.
fn toml(value: &Value) -> String {
    match value {
        Value::String(_, text) => serde_json::Value::from(discreet(text)).to_string(),
        Value::Array(_, values) => {
            format!("[{}]", values.iter().map(toml).collect::<Vec<_>>().join(", "))
        }
        other => serde_json::to_value(other).unwrap_or_default().to_string(),
    }
}

/// A URL without the password in it.
fn discreet(text: &str) -> String {
    let hidden = || {
        let (scheme, rest) = text.split_once("://")?;
        let (user, host) = rest.rsplit_once('@')?;
        let (name, _) = user.split_once(':')?;
        Some(format!("{scheme}://{name}:{HIDDEN}@{host}"))
    };
    hidden().unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_loses_its_password_and_nothing_else() {
        for (text, shown) in [
            ("redis://user:pass@host:6379/0", "redis://user:(hidden)@host:6379/0"),
            ("redis://:p@ss@host", "redis://:(hidden)@host"),
            ("https://example.com:8443", "https://example.com:8443"),
            ("127.0.0.1:8080", "127.0.0.1:8080"),
        ] {
            assert_eq!(discreet(text), shown);
        }
    }
}
