//! Names that nobody else has, and nobody can guess.

use everwire_protocol::ClientId;

use crate::platform::random;

/// 128 random bits in hex.
pub(crate) fn random_name() -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    random::<16>()
        .iter()
        .flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]])
        .map(char::from)
        .collect()
}

/// A client's name for itself, where the app has none.
pub(crate) fn random_client_id() -> ClientId {
    loop {
        // Always valid; the loop only spares a panic that can't happen.
        if let Ok(id) = ClientId::new(&random_name()) {
            return id;
        }
    }
}
