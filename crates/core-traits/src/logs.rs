//! Console lines of a run, collected as data within a limit.

use serde::{Deserialize, Serialize};

/// The severity of a console line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// `console.trace`.
    Trace,
    /// `console.debug`.
    Debug,
    /// `console.log`, `console.info` and whatever has no level of its own.
    Info,
    /// `console.warn`.
    Warn,
    /// `console.error` and failed `console.assert`.
    Error,
}

impl LogLevel {
    /// All levels, by the number that crosses the engine's boundary.
    pub const ALL: [Self; 5] = [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error];

    /// The name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// One console line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogLine {
    /// Its severity.
    pub level: LogLevel,
    /// Its text; may hold line breaks.
    pub message: String,
    /// Milliseconds since the run started, to the microsecond.
    pub at_ms: f64,
}

/// How many lines and bytes a run logged beyond its limit. They are counted and dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogsTruncated {
    /// Lines that were dropped or cut.
    pub lines: u64,
    /// Bytes that were dropped.
    pub bytes: u64,
}

/// Collects the console lines of one run, at most `bytes_max` bytes and `lines_max` lines of them.
///
/// A line that crosses the byte limit is cut at a character's boundary; everything after it is dropped and counted.
#[derive(Debug, Default)]
pub struct LogBuffer {
    lines: Vec<LogLine>,
    bytes_left: usize,
    lines_left: usize,
    truncated: Option<LogsTruncated>,
}

impl LogBuffer {
    /// An empty buffer with its limits.
    pub fn new(bytes_max: usize, lines_max: usize) -> Self {
        Self { bytes_left: bytes_max, lines_left: lines_max, ..Self::default() }
    }

    /// Adds a line, cuts it or drops it.
    pub fn push(&mut self, level: LogLevel, mut message: String, at_ms: f64) {
        let keep = if self.lines_left == 0 { 0 } else { message.floor_char_boundary(self.bytes_left) };
        let dropped = message.len() - keep;
        let whole = dropped == 0 && self.lines_left > 0;
        if !whole {
            let truncated = self.truncated.get_or_insert(LogsTruncated { lines: 0, bytes: 0 });
            truncated.lines += 1;
            truncated.bytes += dropped as u64;
            self.bytes_left = keep;
        }
        if whole || keep > 0 {
            message.truncate(keep);
            self.bytes_left -= keep;
            self.lines_left -= 1;
            self.lines.push(LogLine { level, message, at_ms });
        }
        if !whole {
            self.lines_left = 0;
        }
    }

    /// Takes the lines collected since the last call. The limits go on counting.
    pub fn take(&mut self) -> Vec<LogLine> {
        std::mem::take(&mut self.lines)
    }

    /// What was dropped so far.
    pub fn truncated(&self) -> Option<LogsTruncated> {
        self.truncated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(bytes_max: usize, lines_max: usize, lines: &[&str]) -> (Vec<String>, Option<LogsTruncated>) {
        let mut buffer = LogBuffer::new(bytes_max, lines_max);
        for line in lines {
            buffer.push(LogLevel::Info, (*line).to_owned(), 0.0);
        }
        (buffer.take().into_iter().map(|line| line.message).collect(), buffer.truncated())
    }

    #[test]
    fn keeps_what_fits_and_counts_the_rest() {
        let cut = |lines, bytes| Some(LogsTruncated { lines, bytes });
        for (bytes, lines, given, kept, truncated) in [
            (10, 10, &["abc", "def"][..], &["abc", "def"][..], None),
            (4, 10, &["abc", "def", "g"], &["abc", "d"], cut(2, 3)),
            (3, 10, &["abc", "def"], &["abc"], cut(1, 3)),
            (10, 1, &["abc", "def"], &["abc"], cut(1, 3)),
            (3, 10, &["äöü"], &["ä"], cut(1, 4)),
            (0, 10, &["", "a", ""], &[""], cut(2, 1)),
        ] {
            let kept: Vec<String> = kept.iter().map(|line| (*line).to_owned()).collect();
            assert_eq!(filled(bytes, lines, given), (kept, truncated), "{given:?}");
        }
    }
}
