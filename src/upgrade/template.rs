//! A command with placeholders. Pure.

use crate::scenario::Zone;

/// A command whose placeholders are all known.
///
/// `{word}` is a placeholder unless a `$` stands before it, so that the shell's own `${name}` and
/// blocks with blanks in them stay what they are; `{{` is a brace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Zone,
    Endpoint,
    Host,
    Port,
    TargetVersion,
}

impl Template {
    /// Takes a command apart. `of_zone` says whether there is a zone to name.
    ///
    /// # Errors
    /// The placeholder that nothing knows, with those that are known.
    pub(super) fn parse(command: &str, of_zone: bool) -> Result<Self, String> {
        if command.trim().is_empty() {
            return Err("the command is empty".to_owned());
        }
        let (mut pieces, mut text) = (Vec::new(), String::new());
        let mut rest = command;
        while let Some(open) = rest.find('{') {
            let (before, from) = rest.split_at(open);
            text.push_str(before);
            if let Some(after) = from.strip_prefix("{{") {
                text.push('{');
                rest = after;
                continue;
            }
            match word(from).filter(|_| !before.ends_with('$')) {
                Some(name) => {
                    pieces.push(Piece::Text(std::mem::take(&mut text)));
                    pieces.push(piece(name, of_zone)?);
                    rest = &from[name.len() + 2..];
                }
                None => {
                    text.push('{');
                    rest = &from[1..];
                }
            }
        }
        text.push_str(rest);
        pieces.push(Piece::Text(text));
        Ok(Self(pieces))
    }

    /// Whether it is another command in every zone.
    pub(super) fn names_a_zone(&self) -> bool {
        let zone_s = |piece: &Piece| !matches!(piece, Piece::Text(_) | Piece::TargetVersion);
        self.0.iter().any(zone_s)
    }

    /// The command for one zone, or for the whole cluster. Values are quoted for the shell.
    pub(super) fn fill(&self, zone: Option<&Zone>, target_version: &str) -> String {
        let (host, port) = zone.and_then(Zone::host_port).unwrap_or_default();
        let of = |value: fn(&Zone) -> &str| zone.map(value).unwrap_or_default();
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Zone => quoted(of(|zone| &zone.name)),
                Piece::Endpoint => quoted(of(|zone| &zone.endpoint)),
                Piece::Host => quoted(host),
                Piece::Port => port.to_string(),
                Piece::TargetVersion => quoted(target_version),
            })
            .collect()
    }
}

/// The word in `{word}…`.
fn word(from: &str) -> Option<&str> {
    let name = &from[1..from.find('}')?];
    let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    plain.then_some(name)
}

fn piece(name: &str, of_zone: bool) -> Result<Piece, String> {
    match name {
        "target_version" => return Ok(Piece::TargetVersion),
        "zone" if of_zone => return Ok(Piece::Zone),
        "endpoint" if of_zone => return Ok(Piece::Endpoint),
        "host" if of_zone => return Ok(Piece::Host),
        "port" if of_zone => return Ok(Piece::Port),
        _ => {}
    }
    let known = if of_zone { "{zone}, {endpoint}, {host}, {port}, " } else { "" };
    Err(format!(
        "{{{name}}} is no placeholder here, only {known}{{target_version}}; {{{{ is a brace"
    ))
}

/// A value as one word of the shell.
fn quoted(value: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-:+@%/,".contains(&b);
    if !value.is_empty() && value.bytes().all(plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_and_the_shell_s_braces_stay() {
        let zone = Zone { name: "z1".into(), endpoint: "[::1]:3306".into() };
        let cases = [
            ("stop {zone} {host} {port}", "stop z1 ::1 3306"),
            ("at {endpoint}", "at '[::1]:3306'"),
            ("to {target_version}!", "to 10.11.19!"),
            ("echo ${zone} {{zone}", "echo ${zone} {zone}"),
            ("awk '{ print }' {a,b} {", "awk '{ print }' {a,b} {"),
        ];
        for (command, filled) in cases {
            let template = Template::parse(command, true).unwrap();
            assert_eq!(template.fill(Some(&zone), "10.11.19"), filled);
        }
    }

    #[test]
    fn an_unknown_placeholder_is_refused() {
        assert!(Template::parse("x {zoen}", true).is_err());
        assert!(Template::parse("x {zone}", false).is_err());
        assert!(Template::parse(" ", true).is_err());
    }

    #[test]
    fn a_value_stays_one_word() {
        assert_eq!(quoted("a'b; c"), r"'a'\''b; c'");
    }
}
