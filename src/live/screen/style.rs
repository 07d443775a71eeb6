//! What things look like.

use ratatui::style::{Color, Modifier, Style as Cells};

use crate::live::log::Weight;

/// With colours or without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether colours may be used; without them bold, dim and reversed cells remain.
    pub colours: bool,
}

/// Blue, amber and crimson of the 256 colours: to be told apart with any kind of colour vision, and
/// to be read on a dark and on a light ground.
const GOOD: Color = Color::Indexed(32);
const WARN: Color = Color::Indexed(172);
const BAD: Color = Color::Indexed(161);

impl Style {
    pub(super) fn plain(self) -> Cells {
        Cells::new()
    }

    pub(super) fn bold(self) -> Cells {
        Cells::new().add_modifier(Modifier::BOLD)
    }

    pub(super) fn dim(self) -> Cells {
        Cells::new().add_modifier(Modifier::DIM)
    }

    pub(super) fn good(self) -> Cells {
        self.coloured(GOOD)
    }

    pub(super) fn warn(self) -> Cells {
        self.coloured(WARN)
    }

    pub(super) fn bad(self) -> Cells {
        self.coloured(BAD).add_modifier(Modifier::BOLD)
    }

    /// What must not be overlooked.
    pub(super) fn alarm(self) -> Cells {
        self.bad().add_modifier(Modifier::REVERSED)
    }

    pub(super) fn of(self, weight: Weight) -> Cells {
        match weight {
            Weight::Plain => self.plain(),
            Weight::Good => self.good(),
            Weight::Warn => self.warn(),
            Weight::Bad => self.bad(),
        }
    }

    fn coloured(self, colour: Color) -> Cells {
        if self.colours { Cells::new().fg(colour) } else { Cells::new() }
    }
}
