//! Who publishes: the ids of this client's publishes, one after the other. It knows no outbox and no link.
//!
//! Everybody who reads a topic sees the ids of its records, and whoever could guess an id that is still to be
//! used could publish under it first: the true publish would then be answered as a repeat, and be lost. So an id
//! holds neither the client id nor anything from which the next one follows. And no two sessions give the same id,
//! even when they share a client id: a second tab, or the same page after a reload.

use std::hash::Hasher;

use everwire_protocol::{ClientId, PublishId, put_number};
use siphasher::sip::SipHasher24;

use crate::PublishError;

/// Gives a client's publishes their ids: `NAME.SEQUENCE.PROOF`, where name and proof are
/// [SipHash-2-4](https://www.aumasson.jp/siphash/) under a key made of the client id and the session's seed.
#[derive(Clone)]
pub(crate) struct Publisher {
    key: SipHasher24,
    name: String,
    next: u64,
}

impl Publisher {
    pub fn new(client_id: &ClientId, seed: u64) -> Self {
        let half = |number| hash(SipHasher24::new_with_keys(seed, number), client_id.as_str().as_bytes());
        let key = SipHasher24::new_with_keys(half(0), half(1));
        let mut name = String::new();
        push_word(&mut name, hash(key, b"name"));
        Self { key, name, next: 1 }
    }

    /// The id of the next publish.
    pub fn next_id(&self) -> Result<PublishId, PublishError> {
        let mut id = self.name.clone();
        id.push('.');
        put_number(&mut id, self.next);
        id.push('.');
        push_word(&mut id, hash(self.key, &self.next.to_le_bytes()));
        // It is made of nothing but what may be in a publish id, and is short enough.
        PublishId::new(&id).map_err(|_| PublishError::Closed)
    }

    /// The id is taken.
    pub fn advance(&mut self) {
        self.next += 1;
    }
}

fn hash(mut hasher: SipHasher24, bytes: &[u8]) -> u64 {
    hasher.write(bytes);
    hasher.finish()
}

/// Six bits a character: 64 bits are 11 of them.
fn push_word(out: &mut String, number: u64) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    out.extend((0..11).map(|place| char::from(ALPHABET[(number >> (6 * place)) as usize % 64])));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(client: &str, seed: u64) -> Vec<String> {
        let mut publisher = Publisher::new(&ClientId::new(client).unwrap(), seed);
        let id = |_| {
            let id = publisher.next_id().unwrap().to_string();
            publisher.advance();
            id
        };
        (0..3).map(id).collect()
    }

    fn parts(id: &str) -> Vec<&str> {
        id.split('.').collect()
    }

    #[test]
    fn an_id_names_its_publisher_and_tells_neither_the_client_id_nor_the_next_id() {
        let ada = ids("ada", 1);
        for (index, id) in ada.iter().enumerate() {
            let [name, sequence, proof] = parts(id)[..] else { panic!("{id}") };
            assert_eq!((name, sequence), (parts(&ada[0])[0], (index + 1).to_string().as_str()));
            assert!(!id.contains("ada") && proof.len() == 11);
            assert_eq!(ada.iter().filter(|other| parts(other)[2] == proof).count(), 1);
        }
    }

    #[test]
    fn invariant_4_no_other_session_gives_the_same_id() {
        let mine = ids("ada", 1);
        for other in [ids("bob", 1), ids("ada", 2)] {
            for (mine, other) in mine.iter().zip(&other) {
                assert!(parts(mine)[0] != parts(other)[0] && parts(mine)[2] != parts(other)[2]);
            }
        }
    }
}
