//! What differs between an arena and its image, in lines: a loaded program, or a run that waits.

/// Words of a line: 64 bytes, what a cache holds together.
pub(super) const LINE_WORDS: usize = 8;

/// The lines in which an arena differs from its image. They hold addresses in that arena and fit no other one.
#[derive(Default)]
pub(crate) struct Lines {
    /// The arena's number.
    pub(super) arena: u64,
    /// Stretches of lines that follow each other: where they begin, and how many words they have.
    stretches: Vec<(u32, u32)>,
    words: Vec<u64>,
}

impl Lines {
    /// None as yet.
    pub(super) fn of(arena: u64) -> Self {
        Self { arena, ..Self::default() }
    }

    /// So many bytes of no arena.
    #[cfg(test)]
    pub(crate) fn of_size(bytes: usize) -> Self {
        Self { words: vec![0; bytes / size_of::<u64>()], ..Self::default() }
    }

    /// The memory that they take.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.stretches) + size_of_val(&*self.words)
    }

    /// Finds those lines of `now` that differ from `image`, behind whose end all words are zero. `from` is the number of
    /// the first word of both.
    pub(super) fn compare(&mut self, from: usize, now: &[u64], image: &[u64]) {
        let (known, beyond) = now.split_at(image.len().min(now.len()) / LINE_WORDS * LINE_WORDS);
        let (lines, were) = (known.as_chunks::<LINE_WORDS>().0, image.as_chunks::<LINE_WORDS>().0);
        for (at, (line, was)) in lines.iter().zip(were).enumerate() {
            // Without a branch a word, and without a call of `memcmp` a line: most of saving a run is this.
            let difference = line.iter().zip(was).fold(0, |all, (word, was)| all | (word ^ was));
            if difference != 0 {
                self.add(from + at * LINE_WORDS, LINE_WORDS);
            }
        }
        let rest = image.get(known.len()..).unwrap_or_default();
        for (at, line) in beyond.chunks(LINE_WORDS).enumerate() {
            let was = |word: usize| rest.get(at * LINE_WORDS + word).copied().unwrap_or(0);
            if line.iter().enumerate().any(|(word, now)| *now != was(word)) {
                self.add(from + known.len() + at * LINE_WORDS, line.len());
            }
        }
    }

    fn add(&mut self, at: usize, count: usize) {
        let (at, count) = (at as u32, count as u32);
        match self.stretches.last_mut() {
            Some((start, length)) if *start + *length == at => *length += count,
            _ => self.stretches.push((at, count)),
        }
    }

    /// All are found; copies them out of the arena, of which `now` is the words.
    pub(super) fn copied(mut self, now: &[u64]) -> Self {
        self.stretches.shrink_to_fit();
        let stretches = || self.stretches.iter().map(|&(from, count)| &now[from as usize..][..count as usize]);
        let mut words = Vec::with_capacity(stretches().map(<[u64]>::len).sum());
        stretches().for_each(|stretch| words.extend_from_slice(stretch));
        Self { words, ..self }
    }

    /// Each stretch: the number of its first word, and its words.
    pub(super) fn stretches(&self) -> impl Iterator<Item = (usize, &[u64])> {
        let mut words = &self.words[..];
        self.stretches.iter().map(move |&(from, count)| {
            let (stretch, rest) = words.split_at(count as usize);
            words = rest;
            (from as usize, stretch)
        })
    }
}
