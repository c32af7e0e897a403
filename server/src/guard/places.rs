//! How many connections somebody has. It knows what they are counted by, and no limits but one.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

type Taken<K> = Arc<Mutex<HashMap<K, u32>>>;

/// The connections that are open, by whom. There are no more entries than connections.
#[derive(Debug)]
pub(super) struct Places<K> {
    most: Option<u32>,
    taken: Taken<K>,
}

impl<K> Default for Places<K> {
    fn default() -> Self {
        Self { most: None, taken: Arc::default() }
    }
}

impl<K: Clone + Eq + Hash + Send + 'static> Places<K> {
    pub fn new(most: Option<u32>) -> Self {
        Self { most, ..Self::default() }
    }

    /// Takes a place; none is needed where there is no limit. Otherwise answers the limit.
    pub fn take(&self, of: K) -> Result<Option<Place>, u32> {
        let Some(most) = self.most else { return Ok(None) };
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(of.clone()).or_default();
        if *count >= most {
            return Err(most);
        }
        *count += 1;
        let taken = Arc::clone(&self.taken);
        Ok(Some(Place(Some(Box::new(move || give_back(&taken, &of))))))
    }
}

fn give_back<K: Eq + Hash>(taken: &Taken<K>, of: &K) {
    let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(count) = taken.get_mut(of) {
        *count -= 1;
        if *count == 0 {
            taken.remove(of);
        }
    }
}

/// One connection's place. Dropped, it is free again.
pub struct Place(Option<Box<dyn FnOnce() + Send>>);

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Place")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(give_back) = self.0.take() {
            give_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invariant_5_nothing_is_kept_of_who_has_gone() {
        let places = Places::new(Some(1));
        for name in 0..100 {
            assert!(places.take(name).is_ok());
        }
        assert!(places.taken.lock().expect("is not poisoned").is_empty());
        let held = places.take(1).expect("a place");
        assert_eq!(places.take(1).map(|_| ()), Err(1));
        drop(held);
        assert!(places.take(1).is_ok());
    }
}
