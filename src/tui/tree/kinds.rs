//! The words of the file tree: what it is about, what happened to a path, what rows are sorted by and which are shown.

/// What the tree is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TreeScope {
    /// What one layer changes.
    Layer,
    /// What the layers up to one show.
    UpTo,
    /// What the whole image shows.
    Final,
}

/// What happened to a path, as `docker diff` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Letter {
    /// A.
    Added,
    /// C.
    Changed,
    /// D.
    Deleted,
    /// Nothing.
    Unmodified,
}

impl Letter {
    /// All of them, in the order of the keys.
    pub const ALL: [Letter; 4] = [Letter::Added, Letter::Changed, Letter::Deleted, Letter::Unmodified];

    /// Returns the letter on screen.
    #[must_use]
    pub fn char(self) -> char {
        match self {
            Letter::Added => 'A',
            Letter::Changed => 'C',
            Letter::Deleted => 'D',
            Letter::Unmodified => ' ',
        }
    }
}

/// What rows are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortKey {
    /// Wasted bytes, stored here or hidden here.
    Waste,
    /// Size.
    Size,
    /// Name, in byte order.
    Name,
    /// The layer that stores it; of a directory, the highest that stores something in it.
    Layer,
    /// A, C, D: in the file tree.
    Change,
}

impl SortKey {
    /// The keys of the file tree, in the order of `s`.
    pub const FILES: [SortKey; 5] = [SortKey::Waste, SortKey::Size, SortKey::Name, SortKey::Layer, SortKey::Change];
    /// The keys of the waste table.
    pub const WASTE: [SortKey; 3] = [SortKey::Waste, SortKey::Layer, SortKey::Name];

    /// Returns the key that comes after this one.
    #[must_use]
    pub fn next(self, keys: &[SortKey]) -> Self {
        let at = keys.iter().position(|key| *key == self).map_or(0, |at| at + 1);
        keys[at % keys.len()]
    }

    /// Returns its name on screen.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            SortKey::Waste => "waste",
            SortKey::Size => "size",
            SortKey::Name => "name",
            SortKey::Layer => "layer",
            SortKey::Change => "change",
        }
    }
}

/// An order: figures run from large to small, names and layers from small to large, unless reversed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub key: SortKey,
    /// The other way round.
    pub reversed: bool,
}

impl Default for Sort {
    fn default() -> Self {
        Sort { key: SortKey::Waste, reversed: false }
    }
}

impl Sort {
    /// Says whether the order runs from large to small.
    #[must_use]
    pub fn falls(self) -> bool {
        matches!(self.key, SortKey::Waste | SortKey::Size) != self.reversed
    }

    /// Returns `waste↓`.
    #[must_use]
    pub fn label(self) -> String {
        format!("{}{}", self.key.name(), if self.falls() { '↓' } else { '↑' })
    }
}

/// Which rows are shown at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Show {
    /// For each of [`Letter::ALL`].
    pub letters: [bool; 4],
    /// Only what has waste.
    pub only_waste: bool,
}

impl Default for Show {
    fn default() -> Self {
        Show { letters: [true; 4], only_waste: false }
    }
}
