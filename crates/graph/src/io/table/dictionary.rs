//! The data that networkx writes behind an edge: a Python or JSON dictionary.

/// Splits `0 1 {'weight': 2.0}` into `0 1` and what stands between the braces.
pub(super) fn detach(record: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = record.trim_ascii_end().strip_suffix(b"}")?;
    let start = memchr::memchr(b'{', inside)?;
    let before = *inside.get(start.checked_sub(1)?)?;
    let separates = before.is_ascii_whitespace() || b",;|".contains(&before);
    let edge = inside[..start].trim_ascii_end();
    let edge = edge.strip_suffix(b",").or_else(|| edge.strip_suffix(b";")).unwrap_or(edge);
    separates.then_some((edge, &inside[start + 1..]))
}

/// Calls `visit` with each key and its value; false if this is no dictionary.
pub(super) fn entries<'a>(mut inside: &'a [u8], mut visit: impl FnMut(&'a [u8], &'a [u8])) -> bool {
    loop {
        inside = inside.trim_ascii_start();
        if inside.is_empty() {
            return true;
        }
        let Some((key, rest)) = item(inside, b':') else { return false };
        let Some(rest) = rest.trim_ascii_start().strip_prefix(b":") else { return false };
        let Some((value, rest)) = item(rest.trim_ascii_start(), b',') else { return false };
        visit(key, value);
        let rest = rest.trim_ascii_start();
        inside = match rest.strip_prefix(b",") {
            Some(rest) => rest,
            None if rest.is_empty() => return true,
            None => return false,
        };
    }
}

/// A quoted text without its quotes, or what stands before `end` outside brackets.
fn item(text: &[u8], end: u8) -> Option<(&[u8], &[u8])> {
    let first = *text.first()?;
    if first == b'\'' || first == b'"' {
        let close = closing(text)?;
        return Some((&text[1..close], &text[close + 1..]));
    }
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'\'' | b'"' => at += closing(&text[at..])?,
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.checked_sub(1)?,
            _ if byte == end && depth == 0 => break,
            _ => {}
        }
        at += 1;
    }
    Some((text[..at].trim_ascii(), &text[at..]))
}

/// Where the quote that `text` begins with is closed.
fn closing(text: &[u8]) -> Option<usize> {
    let quote = *text.first()?;
    let mut at = 1;
    loop {
        match *text.get(at)? {
            b'\\' => at += 2,
            byte if byte == quote => return Some(at),
            _ => at += 1,
        }
    }
}
