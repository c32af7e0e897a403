//! Where each option's value comes from, and what is wrong with it there: an operator has a flag, a variable and a file
//! to look at, and must be told which. It knows the options' names, and not what they mean.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use clap::{ArgMatches, CommandFactory, parser::ValueSource};
use figment::{
    Provider,
    error::Kind,
    providers::{Format, Toml},
    value::Dict,
};

use super::{ConfigError, Options};

/// What every variable of the server begins with.
const VARIABLES: &str = "EVERWIRE_";
/// The tables of the file that are no options of the command line.
pub(super) const TABLES: [&str; 2] = ["retention", "webhook"];

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// It was not said, and is what it is without.
    Default,
    /// The configuration file.
    File(PathBuf),
    /// A variable of the environment.
    Variable(String),
    /// A flag of the command line.
    Flag(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Variable(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}

/// The options that were given by flags and variables, and by which.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given(BTreeMap<String, Source>);

impl Given {
    /// What the command line and the environment said, as clap has read them.
    #[must_use]
    pub fn of(matches: &ArgMatches) -> Self {
        let command = Options::command();
        let given = command.get_arguments().filter_map(|argument| {
            let name = argument.get_long()?;
            let source = match matches.value_source(argument.get_id().as_str())? {
                ValueSource::CommandLine => Source::Flag(format!("--{name}")),
                ValueSource::EnvVariable => {
                    Source::Variable(argument.get_env()?.to_string_lossy().into_owned())
                }
                _ => return None,
            };
            Some((name.to_owned(), source))
        });
        Self(given.collect())
    }

    /// Where the value of an option comes from, when the file says these.
    #[must_use]
    pub fn source(&self, name: &str, file: Option<(&Path, &Dict)>) -> Source {
        let in_file = || file.filter(|(_, dict)| dict.contains_key(name));
        match self.0.get(name) {
            Some(source) => source.clone(),
            None => in_file().map_or(Source::Default, |(path, _)| Source::File(path.to_owned())),
        }
    }
}

/// The names of all options, as in the file.
pub fn names() -> Vec<String> {
    let command = Options::command();
    let names = command.get_arguments().filter_map(clap::Arg::get_long);
    names.filter(|name| !["config", "help", "version"].contains(name)).map(str::to_owned).collect()
}

/// The variables that look like ones of the server and are none: misspelt, mostly.
pub fn unknown_variables(variables: impl Iterator<Item = String>) -> Vec<String> {
    let command = Options::command();
    let known: Vec<_> = command.get_arguments().filter_map(clap::Arg::get_env).collect();
    let ours = variables.filter(|name| name.starts_with(VARIABLES));
    ours.filter(|name| !known.iter().any(|known| *known == name.as_str())).collect()
}

/// What a configuration file says, every key of it an option.
///
/// # Errors
/// [`ConfigError`] names the file, and the key that is none and the one that may be meant.
pub fn read(path: &Path) -> Result<Dict, ConfigError> {
    if !path.is_file() {
        return Err(ConfigError(format!("there is no configuration file {}", path.display())));
    }
    let data = Toml::file_exact(path).data().map_err(|error| of_figment(&error, path))?;
    let dict = data.into_values().next().unwrap_or_default();
    let names = names();
    match dict.keys().find(|key| !TABLES.contains(&key.as_str()) && !names.contains(key)) {
        None => Ok(dict),
        Some(key) => {
            let meant = meant(key, &names).map(|name| format!("; {name} is one")).unwrap_or_default();
            Err(ConfigError(format!("{key} is no option{meant} (in {})", path.display())))
        }
    }
}

/// The option whose name a misspelt one may be: the same but for what parts its words, or begun alike.
fn meant<'a>(key: &str, names: &'a [String]) -> Option<&'a str> {
    let plain = |name: &str| name.replace(['-', '_'], "").to_ascii_lowercase();
    let alike = |name: &str| {
        let (a, b) = (plain(key), plain(name));
        a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
    };
    let best = names.iter().max_by_key(|name| (plain(name) == plain(key), alike(name)))?;
    (alike(best) >= 4).then_some(best.as_str())
}

/// What is wrong in a file, in the file's own words.
pub fn of_figment(error: &figment::Error, path: &Path) -> ConfigError {
    let key = error.path.join(".");
    let wanted = |expected: &str| match expected {
        "u64" => "a whole number".to_owned(),
        "a string" => "a text in quotes".to_owned(),
        other => other.to_owned(),
    };
    let why = match &error.kind {
        Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
            format!("{found} is given where {} is wanted", wanted(expected))
        }
        Kind::UnknownVariant(found, known) => format!("{found:?} is none of {}", known.join(", ")),
        Kind::UnknownField(found, known) => format!("{found} is none of {}", known.join(", ")),
        other => other.to_string(),
    };
    let key = if key.is_empty() { key } else { format!("{key}: ") };
    ConfigError(format!("{key}{why} (in {})", path.display()))
}

/// An error about an option, with where its value came from.
pub fn with_source(error: ConfigError, given: &Given, file: Option<(&Path, &Dict)>) -> ConfigError {
    let ConfigError(text) = &error;
    let name = text.split([' ', ':', '=']).next().unwrap_or_default();
    match given.source(name, file) {
        Source::Default => error,
        Source::File(path) => ConfigError(format!("{text} (in {})", path.display())),
        Source::Variable(name) | Source::Flag(name) => ConfigError(format!("{text} (by {name})")),
    }
}
