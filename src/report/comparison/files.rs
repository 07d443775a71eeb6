//! Every file of a comparison.

use crate::compare::Comparison;

use super::{json, junit, markdown, page, text};

/// Names of the files of a comparison.
pub const COMPARISON_FILES: [&str; 4] =
    ["comparison.json", "comparison.html", "comparison.md", "comparison.junit.xml"];

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
    let rendered = [
        json.clone().into_bytes(),
        page::render(found),
        markdown::render(found).into_bytes(),
        junit::render(found).into_bytes(),
    ];
    let files = COMPARISON_FILES.into_iter().zip(rendered).collect();
    Compared { printed: text::render(found), json, files }
}
