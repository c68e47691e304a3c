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
    /// None as yet; there will be about so many words.
    pub(super) fn of(arena: u64, words: usize) -> Self {
        Self { arena, words: Vec::with_capacity(words + words / 8), ..Self::default() }
    }

    /// How many words they hold.
    pub(super) fn words(&self) -> usize {
        self.words.len()
    }

    /// The memory that they take.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.stretches) + size_of_val(&*self.words)
    }

    /// Adds those lines of `now` that differ from `image`, behind whose end all words are zero. `from` is the number of
    /// the first word of both.
    pub(super) fn compare(&mut self, from: usize, now: &[u64], image: &[u64]) {
        let (known, beyond) = now.split_at(image.len().min(now.len()) / LINE_WORDS * LINE_WORDS);
        for (at, (line, was)) in known.chunks_exact(LINE_WORDS).zip(image.chunks_exact(LINE_WORDS)).enumerate() {
            if line != was {
                self.add(from + at * LINE_WORDS, line);
            }
        }
        let rest = image.get(known.len()..).unwrap_or_default();
        for (at, line) in beyond.chunks(LINE_WORDS).enumerate() {
            let was = |word: usize| rest.get(at * LINE_WORDS + word).copied().unwrap_or(0);
            if line.iter().enumerate().any(|(word, now)| *now != was(word)) {
                self.add(from + known.len() + at * LINE_WORDS, line);
            }
        }
    }

    fn add(&mut self, at: usize, line: &[u64]) {
        let (at, count) = (at as u32, line.len() as u32);
        match self.stretches.last_mut() {
            Some((start, length)) if *start + *length == at => *length += count,
            _ => self.stretches.push((at, count)),
        }
        self.words.extend_from_slice(line);
    }

    /// All is added.
    pub(super) fn finish(mut self) -> Self {
        self.stretches.shrink_to_fit();
        self.words.shrink_to_fit();
        self
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
