//! What options hold that is neither a number nor a text: choices, and the tables of the file. It checks nothing.

use std::path::PathBuf;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::{auth::Secret, store::Fsync, webhook::StartAt};

/// How logs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The header in which trusted proxies say whom they speak for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedBy {
    /// `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// `Forwarded`, RFC 7239.
    Forwarded,
}

/// When what was acked is on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FsyncOption {
    /// Before it is acked: it survives a power cut.
    #[default]
    Always,
    /// Within 200 ms after it: it survives the server's death, but not always a power cut.
    Interval,
}

impl From<FsyncOption> for Fsync {
    fn from(option: FsyncOption) -> Self {
        match option {
            FsyncOption::Always => Self::Always,
            FsyncOption::Interval => Self::Interval,
        }
    }
}

/// The retention of topics that match a pattern. What is left out is as for all topics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionOption {
    /// A topic name, or the beginning of names and a `*`.
    pub pattern: String,
    /// Most records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<u64>,
    /// Most bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Longest age, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age: Option<u64>,
}

/// A webhook: messages of matching topics are sent to a URL, signed, at least once and in order within each topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WebhookOption {
    /// Its name, under which its cursors are kept: 1 to 64 letters, digits, `_`, `-`.
    pub name: String,
    /// The topics: a name, or the beginning of names and a `*`.
    pub pattern: String,
    /// Where messages are sent to by POST.
    pub url: String,
    /// What they are signed with: `whsec_` and base64 of 24 to 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    /// File with such a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<PathBuf>,
    /// Where it starts that was never there before: `latest` or `earliest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<StartAt>,
    /// Allow addresses that are not public, and plain `http`.
    #[serde(default)]
    pub allow_private: bool,
    /// How long one attempt may take, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
    /// How long a message is tried, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub give_up_after: Option<u64>,
    /// Most attempts under way at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u64>,
    /// The topic that gets what could not be delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_letters: Option<String>,
}
