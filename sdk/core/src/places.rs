//! What is known to the other side of a border by a number: a page's machines, in a module that only numbers go in and out of.

/// Things by their numbers. A place that is free is used again, so the numbers stay small.
#[derive(Debug)]
pub struct Places<T>(Vec<Option<Box<T>>>);

impl<T> Places<T> {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Takes a thing in, and returns its number.
    pub fn insert(&mut self, thing: T) -> usize {
        let thing = Some(Box::new(thing));
        let free = self.0.iter().position(Option::is_none);
        match free.and_then(|place| self.0.get_mut(place)) {
            Some(place) => *place = thing,
            None => self.0.push(thing),
        }
        free.unwrap_or(self.0.len() - 1)
    }

    /// The thing with this number, if there is one.
    pub fn get(&mut self, number: usize) -> Option<&mut T> {
        self.0.get_mut(number)?.as_deref_mut()
    }

    /// Lets go of it. Its number may be another's next.
    pub fn remove(&mut self, number: usize) {
        if let Some(place) = self.0.get_mut(number) {
            *place = None;
        }
    }
}

impl<T> Default for Places<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_used_again_and_one_that_is_unknown_is_nothing() {
        let mut places = Places::new();
        assert_eq!((places.insert('a'), places.insert('b')), (0, 1));
        places.remove(0);
        places.remove(7);
        let known = [0, 1, usize::MAX].map(|number| places.get(number).copied());
        assert_eq!(known, [None, Some('b'), None]);
        assert_eq!((places.insert('c'), places.insert('d')), (0, 2));
    }
}
