//! Option files of the MySQL family: `[client]` with `user` and `password`.
//!
//! The format is the one of the servers' own clients ("Using Option Files" in their manuals):
//! `key=value` lines, `#` and `;` comments, optional quotes, backslash escapes.

use std::path::Path;

/// What a `[client]` group says of who connects.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ClientOptions {
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
}

pub(super) fn read(path: &Path) -> anyhow::Result<ClientOptions> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| anyhow::anyhow!("cannot read option file {}: {error}", path.display()))?;
    parse(&text).ok_or_else(|| {
        anyhow::anyhow!(
            "option file {}: there is no [client] group; put user=… and password=… below a line \
             [client]",
            path.display()
        )
    })
}

/// `None` where no group is ours: the file was meant for something else.
fn parse(text: &str) -> Option<ClientOptions> {
    let mut options = ClientOptions::default();
    let (mut in_client, mut is_ours) = (false, false);
    for line in text.lines().map(str::trim) {
        if let Some(group) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            in_client = matches!(group.trim(), "client" | "rollproof");
            is_ours |= in_client;
        } else if in_client && !line.starts_with(['#', ';', '!']) {
            let (key, value) = line.split_once('=').unwrap_or((line, ""));
            match key.trim() {
                "user" => options.user = Some(unquote(value.trim())),
                "password" => options.password = Some(unquote(value.trim())),
                _ => {}
            }
        }
    }
    is_ours.then_some(options)
}

fn unquote(value: &str) -> String {
    let quoted = ['\'', '"']
        .iter()
        .find_map(|&quote| value.strip_prefix(quote).and_then(|value| value.strip_suffix(quote)));
    let mut plain = String::with_capacity(value.len());
    let mut chars = quoted.unwrap_or(value).chars();
    while let Some(char) = chars.next() {
        let escaped = if char == '\\' { chars.next() } else { None };
        match escaped {
            None => plain.push(char),
            Some('n') => plain.push('\n'),
            Some('t') => plain.push('\t'),
            Some('r') => plain.push('\r'),
            Some('b') => plain.push('\u{8}'),
            Some('s') => plain.push(' '),
            Some(same @ ('\\' | '"' | '\'')) => plain.push(same),
            Some(other) => plain.extend(['\\', other]),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_group_is_read_and_others_are_not() {
        let text = "[mysqld]\nuser=mysql\n# c\n[client]\nuser = app\npassword='a b\\\\c\\s'\n[dump]\npassword=x\n";
        let expected =
            ClientOptions { user: Some("app".to_owned()), password: Some("a b\\c ".to_owned()) };
        assert_eq!(parse(text), Some(expected));
    }

    #[test]
    fn a_user_may_name_tenant_and_cluster() {
        let options = parse("[client]\nuser=app@biz#obcluster\n").unwrap();
        assert_eq!(options.user.as_deref(), Some("app@biz#obcluster"));
    }

    #[test]
    fn a_file_for_something_else_is_none_of_ours() {
        assert_eq!(parse("[mysqld]\nuser=mysql\n"), None);
        assert_eq!(parse("user=app\npassword=secret\n"), None);
    }
}
