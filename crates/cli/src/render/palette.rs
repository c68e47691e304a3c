//! The colours of human output.

use clap::builder::styling::{AnsiColor, Style};

/// Styles by role. `{style}text{style:#}` writes a text in one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Palette {
    pub(crate) error: Style,
    pub(crate) warning: Style,
    pub(crate) info: Style,
    pub(crate) strong: Style,
    pub(crate) frame: Style,
    pub(crate) dim: Style,
}

impl Palette {
    /// No colours.
    pub(crate) const PLAIN: Self = Self {
        error: Style::new(),
        warning: Style::new(),
        info: Style::new(),
        strong: Style::new(),
        frame: Style::new(),
        dim: Style::new(),
    };

    /// Colours that are readable on dark and on light ground.
    pub(crate) const COLOURED: Self = Self {
        error: AnsiColor::BrightRed.on_default().bold(),
        warning: AnsiColor::Yellow.on_default().bold(),
        info: AnsiColor::Green.on_default(),
        strong: Style::new().bold(),
        frame: AnsiColor::BrightBlue.on_default().bold(),
        dim: Style::new().dimmed(),
    };
}
