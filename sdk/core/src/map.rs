//! A small map in key order, in one vector: a session has a handful of topics, at most
//! [`TOPICS`](everwire_protocol::limits::TOPICS), and a tree for each kind of value would be a tenth of the wasm.

use std::cmp::Ordering;

/// Keys in their order, each with its value.
#[derive(Clone, Debug)]
pub(crate) struct Map<K, V>(Vec<(K, V)>);

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord, V> Map<K, V> {
    pub fn get(&self, key: &K) -> Option<&V> {
        self.0.get(self.place(key).ok()?).map(|(_, value)| value)
    }

    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let place = self.place(key).ok()?;
        self.0.get_mut(place).map(|(_, value)| value)
    }

    pub fn contains_key(&self, key: &K) -> bool {
        self.place(key).is_ok()
    }

    /// The key's value; where there is none, it has the default one from now on.
    pub fn get_or_default(&mut self, key: &K) -> &mut V
    where
        K: Clone,
        V: Default,
    {
        let place = self.place(key).unwrap_or_else(|place| {
            self.0.insert(place, (key.clone(), V::default()));
            place
        });
        &mut self.0[place].1
    }

    /// Puts a value in the place of the key's last one.
    pub fn insert(&mut self, key: K, value: V) {
        match self.place(&key) {
            Ok(place) => self.0[place].1 = value,
            Err(place) => self.0.insert(place, (key, value)),
        }
    }

    pub fn remove(&mut self, key: &K) {
        if let Ok(place) = self.place(key) {
            self.0.remove(place);
        }
    }

    #[cfg(feature = "relay")]
    pub fn retain(&mut self, keep: impl Fn(&V) -> bool) {
        self.0.retain(|(_, value)| keep(value));
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.0.iter_mut().map(|(key, value)| (&*key, value))
    }

    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    /// Where the key is, or belongs. Written out: the library's search is for more keys than there are.
    fn place(&self, key: &K) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.0.len());
        while low < high {
            let middle = (low + high) / 2;
            match self.0[middle].0.cmp(key) {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return Ok(middle),
                Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay_in_order_and_each_has_its_last_value() {
        let mut map = Map::default();
        for (key, value) in [(3, 'a'), (1, 'b'), (2, 'c'), (3, 'd')] {
            map.insert(key, value);
        }
        assert!(map.iter().eq([(&1, &'b'), (&2, &'c'), (&3, &'d')]));
        map.remove(&2);
        map.remove(&2);
        assert_eq!((map.get(&2), map.get(&3), map.contains_key(&1)), (None, Some(&'d'), true));
        map.remove(&1);
        assert!(map.iter().eq([(&3, &'d')]));
        *map.get_or_default(&3) = 'f';
        *map.get_or_default(&4) = 'g';
        assert!(map.iter_mut().eq([(&3, &mut 'f'), (&4, &mut 'g')]));
        map.remove(&4);
        if let Some(value) = map.get_mut(&3) {
            *value = 'e';
        }
        map.values_mut().for_each(|value| assert_eq!(*value, 'e'));
        map.clear();
        assert_eq!(map.len(), 0);
    }
}
