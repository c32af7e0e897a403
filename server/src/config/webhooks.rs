//! The options of webhooks, checked. It sends nothing.

use std::{collections::HashSet, path::Path, time::Duration};

use everwire_protocol::Topic;

use crate::{auth::Secret, text_file, webhook::Webhook};

use super::{ConfigError, WebhookOption, bounded, count};

const NAME_BYTES: usize = 64;
/// Most bytes of a file with a secret.
const FILE_BYTES: u64 = 4_096;

pub(super) fn of(options: &[WebhookOption]) -> Result<Vec<Webhook>, ConfigError> {
    let mut names = HashSet::new();
    options
        .iter()
        .map(|option| {
            if !names.insert(&option.name) {
                return Err(ConfigError(format!("there are two webhooks {:?}", option.name)));
            }
            one(option).map_err(|ConfigError(why)| ConfigError(format!("webhook {:?}: {why}", option.name)))
        })
        .collect()
}

fn one(option: &WebhookOption) -> Result<Webhook, ConfigError> {
    let name = option.name.clone();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if name.is_empty() || name.len() > NAME_BYTES || !name.bytes().all(plain) {
        return Err(ConfigError("a name is 1 to 64 letters, digits, `_`, `-`".to_owned()));
    }
    let pattern = option.pattern.parse();
    let pattern = pattern.map_err(|error| ConfigError(format!("pattern {:?}: {error}", option.pattern)))?;
    let secret = match (&option.secret, &option.secret_file) {
        (Some(secret), None) => secret.clone(),
        (None, Some(file)) => read(file)?,
        _ => return Err(ConfigError("it needs one of secret and secret-file".to_owned())),
    };
    let dead_letters = option.dead_letters.clone().unwrap_or_else(|| format!("$dead:{name}"));
    let dead_letters = Topic::new(&dead_letters)
        .map_err(|error| ConfigError(format!("dead-letters {dead_letters:?}: {error}")))?;
    let seconds = |name, value, default, max| bounded(name, value, default, 1, max).map(Duration::from_secs);
    let webhook = Webhook {
        pattern,
        url: option.url.clone(),
        secret,
        start: option.from.unwrap_or_default(),
        allow_private: option.allow_private,
        timeout: seconds("timeout", option.timeout, 15, 300)?,
        give_up_after: seconds("give-up-after", option.give_up_after, 86_400, 30 * 86_400)?,
        concurrency: count("concurrency", option.concurrency, 16, 1, 1_000)?,
        dead_letters,
        name,
    };
    webhook.check().map_err(|error| ConfigError(error.to_string()))?;
    Ok(webhook)
}

fn read(file: &Path) -> Result<Secret, ConfigError> {
    let text = text_file::read(file, FILE_BYTES)
        .map_err(|error| ConfigError(format!("secret-file {}: {error}", file.display())))?;
    Ok(Secret::from(text.trim_end().to_owned()))
}
