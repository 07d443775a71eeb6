//! Every file of a comparison.

use crate::compare::Comparison;

use super::{json, junit, markdown, page, text};

/// A comparison, rendered.
#[derive(Debug)]
pub struct Compared {
    /// The answer as it is printed, at most 100 columns wide.
    pub printed: String,
    /// The same for machines.
    pub json: String,
    /// Name and content of every file that tells of it.
    pub files: Vec<(&'static str, Vec<u8>)>,
}

/// Renders a comparison in every way there is.
pub fn comparison(found: &Comparison) -> Compared {
    let json = json::render(found);
    let files = vec![
        ("comparison.json", json.clone().into_bytes()),
        ("comparison.html", page::render(found)),
        ("comparison.md", markdown::render(found).into_bytes()),
        ("comparison.junit.xml", junit::render(found).into_bytes()),
    ];
    Compared { printed: text::render(found), json, files }
}
