//! Cells by key, without keeping for ever what nobody holds.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// How many cells are kept before those that nobody holds are dropped.
const CELLS: usize = 1024;

/// Cells by key. Those that nobody holds are dropped when there are many, and not looked for again before
/// there are twice as many as were left, so that many that *are* held cost nothing extra.
pub(crate) struct Shelf<K, T: ?Sized> {
    cells: HashMap<K, Arc<T>>,
    sweep_at: usize,
}

impl<K, T: ?Sized> Default for Shelf<K, T> {
    fn default() -> Self {
        Self { cells: HashMap::new(), sweep_at: CELLS }
    }
}

impl<K: Eq + Hash, T: ?Sized> Shelf<K, T> {
    /// The cell for a key, made where there is none.
    pub(crate) fn cell(&mut self, key: K, new: impl FnOnce() -> Arc<T>) -> Arc<T> {
        if self.cells.len() >= self.sweep_at && !self.cells.contains_key(&key) {
            self.cells.retain(|_, cell| Arc::strong_count(cell) > 1);
            self.sweep_at = CELLS.max(2 * self.cells.len());
        }
        Arc::clone(self.cells.entry(key).or_insert_with(new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_stays_and_what_is_not_goes_when_there_is_too_much() {
        let mut shelf = Shelf::<usize, usize>::default();
        let held: Vec<_> = (0..CELLS).map(|key| shelf.cell(key, || Arc::new(key))).collect();
        for key in CELLS..10 * CELLS {
            shelf.cell(key, || Arc::new(key));
        }
        assert!(shelf.cells.len() <= 2 * CELLS);
        assert!(
            held.iter().enumerate().all(|(key, cell)| Arc::ptr_eq(cell, &shelf.cell(key, || Arc::new(0))))
        );
    }
}
