//! Chooses the picture that fits.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;

use super::{Style, compact, full};
use crate::live::View;

/// From this size on there is room for everything beside each other.
const FULL_COLUMNS: u16 = 72;
const FULL_ROWS: u16 = 20;

/// What is on the terminal.
#[derive(Debug, Clone, Copy)]
pub struct Screen<'a> {
    /// What is known of the run.
    pub view: &'a View,
    /// What things look like.
    pub style: Style,
    /// Lines of the log below the last one shown.
    pub scrolled: usize,
    /// Whether the question stands if the run is to end.
    pub asking: bool,
    /// Whether the run was asked to end.
    pub ending: bool,
}

impl Widget for Screen<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        if area.width >= FULL_COLUMNS && area.height >= FULL_ROWS {
            full::render(&self, area, buffer);
        } else {
            compact::render(&self, area, buffer);
        }
    }
}
