//! The names that travel: topics, client ids, publish ids and epochs. Each is checked once, when it is
//! made; whoever holds one need not check again.

use std::{fmt, str::FromStr, sync::Arc};

use crate::limits;

/// A name is empty, too long, or has a character that its kind doesn't allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameError;

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name is empty, too long or has a character that is not allowed")
    }
}

impl std::error::Error for NameError {}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $max:expr, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks and takes a name.
            ///
            /// # Errors
            /// [`NameError`] when it is empty, too long or has a character outside its alphabet.
            pub fn new(name: &str) -> Result<Self, NameError> {
                let valid: fn(&[u8]) -> bool = $valid;
                if name.is_empty() || name.len() > $max || !valid(name.as_bytes()) {
                    return Err(NameError);
                }
                Ok(Self(name.into()))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(s: &str) -> Result<Self, NameError> {
                Self::new(s)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
    };
}

name!(
    /// The name of a log, e.g. `room:general`: 1–255 bytes of `[A-Za-z0-9_.:/-]`. A name that begins with
    /// `$` is the server's own.
    ///
    /// ```
    /// use everwire_protocol::Topic;
    ///
    /// assert!(Topic::new("room:general").is_ok());
    /// assert!(Topic::new("room general").is_err());
    /// assert!(Topic::new("$sys:clock").is_ok_and(|topic| topic.is_reserved()));
    /// ```
    Topic,
    limits::TOPIC_BYTES,
    |name| {
        let rest = name.strip_prefix(b"$").unwrap_or(name);
        !rest.is_empty() && rest.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b':' | b'/' | b'-'))
    }
);

impl Topic {
    /// Whether the name begins with `$`, so that only the server may publish to it.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        self.0.starts_with('$')
    }
}

name!(
    /// One client's identity across connections and reloads: 1–64 bytes of `[A-Za-z0-9_-]`, chosen at
    /// random by the client (128 bits or more, so that no other client can guess it).
    ClientId,
    limits::CLIENT_ID_BYTES,
    |name| name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
);

name!(
    /// The idempotency key of a publish: 1–128 bytes of `[A-Za-z0-9_.-]`. Readers of the
    /// record see it, so it must be one that they can't foresee, and not hold the client id.
    PublishId,
    limits::PUBLISH_ID_BYTES,
    |name| name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
);

/// One life of a topic's log: 1–15 bytes of `[A-Za-z0-9]`, opaque to clients. A new epoch means that the
/// history was lost.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch {
    len: u8,
    bytes: [u8; limits::EPOCH_BYTES],
}

impl Epoch {
    /// No log's life: see [`Position::NONE`](crate::Position::NONE).
    pub(crate) const ZERO: Self = {
        let mut bytes = [0; limits::EPOCH_BYTES];
        bytes[0] = b'0';
        Self { len: 1, bytes }
    };

    /// Checks and takes an epoch.
    ///
    /// # Errors
    /// [`NameError`] when it is empty, over 15 bytes, or has a character outside `[A-Za-z0-9]`.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let mut bytes = [0; limits::EPOCH_BYTES];
        let valid = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric());
        let slot = bytes.get_mut(..text.len()).filter(|_| valid).ok_or(NameError)?;
        slot.copy_from_slice(text.as_bytes());
        Ok(Self { len: text.len() as u8, bytes })
    }

    /// An epoch made of a number, e.g. of 64 random bits: its base-36 digits. 0 counts as 1, because the
    /// epoch `0` is no log's.
    ///
    /// ```
    /// assert_eq!(everwire_protocol::Epoch::from_number(35).as_str(), "z");
    /// ```
    #[must_use]
    pub fn from_number(number: u64) -> Self {
        const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
        let mut bytes = [0; limits::EPOCH_BYTES];
        let mut len = 0;
        let mut number = number.max(1);
        loop {
            bytes[len] = DIGITS[(number % 36) as usize];
            number /= 36;
            len += 1;
            if number == 0 || len == limits::EPOCH_BYTES {
                return Self { len: len as u8, bytes };
            }
        }
    }

    /// The epoch as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }
}

impl FromStr for Epoch {
    type Err = NameError;
    fn from_str(s: &str) -> Result<Self, NameError> {
        Self::new(s)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_take_their_alphabet_and_nothing_else() {
        for good in ["a", "room:general", "metrics:cpu", "a/b.c-d_e", "$sys:clock"] {
            assert_eq!(Topic::new(good).map(|t| t.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", "$", "a b", "a$", "é", "a\n", "a?b", &"x".repeat(256)] {
            assert_eq!(Topic::new(bad), Err(NameError), "{bad:?}");
        }
        assert!(Topic::new("$sys").is_ok_and(|t| t.is_reserved()));
    }

    #[test]
    fn an_epoch_of_a_number_is_valid_text() {
        for number in [0, 35, 36, u64::MAX] {
            let epoch = Epoch::from_number(number);
            assert_eq!(Epoch::new(epoch.as_str()), Ok(epoch));
        }
        assert_ne!(Epoch::from_number(0), Epoch::ZERO);
        assert_eq!(Epoch::new("abc-1"), Err(NameError));
        assert_eq!(Epoch::new("1234567890123456"), Err(NameError));
    }
}
