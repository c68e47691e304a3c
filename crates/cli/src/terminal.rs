//! Where text goes: outputs to stdout, words about them to stderr.

use std::io::{ErrorKind, IsTerminal, Write, stderr, stdout};

use anyhow::{Context, Result};

use crate::render::{Palette, one_line};

/// The two streams.
pub(crate) struct Terminal {
    palette: Palette,
    reader_is_gone: bool,
}

impl Terminal {
    /// Colours only where a person sees them and has not refused them (<https://no-color.org>).
    pub(crate) fn new() -> Self {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        let colours = stderr().is_terminal() && !is_set("NO_COLOR") && !is_dumb;
        Self { palette: if colours { Palette::COLOURED } else { Palette::PLAIN }, reader_is_gone: false }
    }

    /// The colours of stderr. Stdout has none.
    pub(crate) fn palette(&self) -> Palette {
        self.palette
    }

    /// Writes a line to stdout. After its reader is gone (`isolet … | head -1`), this does nothing.
    pub(crate) fn output(&mut self, line: &str) -> Result<()> {
        if self.reader_is_gone {
            return Ok(());
        }
        let mut stdout = stdout().lock();
        match writeln!(stdout, "{line}").and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.reader_is_gone = true;
                Ok(())
            }
            written => written.context("cannot write to stdout"),
        }
    }

    /// Whether nobody reads stdout any more.
    pub(crate) fn reader_is_gone(&self) -> bool {
        self.reader_is_gone
    }

    /// Writes words to stderr.
    pub(crate) fn say(&self, words: &str) {
        say(words);
    }

    /// Says in one line why isolet cannot do what it was asked for, and gives back the exit code.
    pub(crate) fn error(&self, message: &str, exit_code: u8) -> u8 {
        let style = self.palette.error;
        self.say(&format!("{style}error{style:#}: {}\n", one_line(message)));
        exit_code
    }
}

/// Writes words to stderr, from wherever. If that fails, there is nobody left to be told.
pub(crate) fn say(words: &str) {
    let _ = stderr().lock().write_all(words.as_bytes());
}
