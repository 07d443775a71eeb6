//! The dashboard's picture: a [`View`](super::View) in, cells of a terminal out. Pure.
//!
//! Colours are never the only sign: what they say is said in a word or a symbol as well, and the
//! three of them are apart for colour-blind readers too.

mod compact;
mod full;
mod parts;
mod render;
mod style;

pub use render::Screen;
pub use style::Style;
