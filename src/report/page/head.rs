//! What every page of a report begins with; `base.html` is its template.

/// The style of every page, and nothing but this project's own words.
const CSS: &str = include_str!("page.css");

/// How an answer looks. Nothing is told by colour alone.
#[derive(Clone, Copy)]
pub(in crate::report) enum Tone {
    Good,
    Bad,
    Doubt,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Doubt => "doubt",
        }
    }

    fn mark(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Bad => "✗",
            Self::Doubt => "?",
        }
    }
}

/// The window's title, the style, and the answer in one sentence.
pub(in crate::report) struct Head<'a> {
    pub(in crate::report) title: String,
    pub(in crate::report) css: &'static str,
    pub(in crate::report) tone: &'static str,
    pub(in crate::report) mark: &'static str,
    pub(in crate::report) answer: String,
    pub(in crate::report) sentence: &'a str,
}

impl<'a> Head<'a> {
    /// `about` stands in the title beside the answer.
    pub(in crate::report) fn new(
        tone: Tone,
        answer: String,
        about: &str,
        sentence: &'a str,
    ) -> Self {
        let title = format!("{answer}: {about}");
        Self { title, css: CSS, tone: tone.class(), mark: tone.mark(), answer, sentence }
    }
}
