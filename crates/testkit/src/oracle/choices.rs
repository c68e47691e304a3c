//! Bytes read as choices.

/// Bytes, read from the front. When they are used up, every choice is the first one: so any bytes are a case, and a
/// shorter input is a simpler one.
#[derive(Debug)]
pub(super) struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    pub(super) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }

    /// Whatever is left.
    pub(super) fn rest(self) -> &'a [u8] {
        self.0
    }

    pub(super) fn is_used_up(&self) -> bool {
        self.0.is_empty()
    }

    /// One of `rows`, which must not be empty.
    pub(super) fn pick<'t, T: ?Sized>(&mut self, rows: &[&'t T]) -> &'t T {
        chosen(rows, self.byte())
    }
}

/// The row that a byte means, of at least one.
pub(super) fn chosen<T: Copy>(rows: &[T], byte: u8) -> T {
    rows[usize::from(byte) % rows.len()]
}
