//! Closed sets of names, each spelled once.

/// Declares a field-less enum together with its stable spelling on disk, so that the name of a
/// value is written once and the record, the reports and the command line cannot drift apart.
macro_rules! spelled {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$vmeta:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ::serde::Serialize, ::serde::Deserialize, ::schemars::JsonSchema)]
        $vis enum $name { $($(#[$vmeta])* #[serde(rename = $text)] $variant,)+ }

        impl $name {
            /// Every value, in the order reports list them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable spelling used on disk and in every report.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The value that is spelled so.
            pub fn spelled(text: &[u8]) -> Option<Self> {
                $(if text == $text.as_bytes() { return Some(Self::$variant); })+
                None
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::spelling::UnknownName;
            fn from_str(text: &str) -> Result<Self, $crate::spelling::UnknownName> {
                Self::spelled(text.as_bytes()).ok_or_else(|| $crate::spelling::UnknownName {
                    what: stringify!($name),
                    name: text.to_owned(),
                })
            }
        }
    };
}
pub(crate) use spelled;

/// A spelling that no value of an enumeration has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not a {what}")]
pub struct UnknownName {
    /// The enumeration that was expected.
    pub what: &'static str,
    /// What was found instead.
    pub name: String,
}
