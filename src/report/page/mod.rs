//! `report.html`: one file that opens anywhere, without a network.
//!
//! `render` fills the template with what every report says (`rows` and `sentences` are those of the
//! other reports); `data` turns the figures into the compact arrays that `draw.js` makes pictures
//! of. The pictures are drawn by a few hundred lines of our own rather than by a charting library:
//! a library that can be embedded is twenty times the size of an hour's data, draws to a canvas
//! that prints badly, and knows nothing of lanes, of a band beyond the deadline, or of a link to a
//! moment.

mod data;
mod head;
mod parts;
mod render;

pub(super) use head::{Head, Tone};
pub(super) use render::render;
