//! Text for people: wrapped, harmless, and with times as they are spoken of.

use std::time::SystemTime;

use connector_core::format_duration;

/// Text with nothing in it that a terminal would act on.
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(|it| if it.is_control() && it != '\n' { '\u{fffd}' } else { it }).collect()
}

/// Sets prose to a width: paragraphs stay paragraphs, and every line begins with `indent`.
pub(crate) fn wrap(prose: &str, width: usize, indent: &str) -> String {
    let room = width.saturating_sub(indent.chars().count()).max(20);
    let mut lines: Vec<String> = Vec::new();
    for paragraph in clean(prose).lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > room {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    let lines: Vec<String> = lines
        .iter()
        .map(|line| if line.is_empty() { String::new() } else { format!("{indent}{line}") })
        .collect();
    lines.join("\n")
}

/// What is left until `end`, such as `11h 59m`; `never` without one, `expired` when it is past.
pub(crate) fn expires_in(end: Option<SystemTime>, now: SystemTime) -> String {
    match end {
        None => "never".into(),
        Some(end) => time_left(end, now),
    }
}

/// What is left until `end`; `expired` when it is past.
pub(crate) fn time_left(end: SystemTime, now: SystemTime) -> String {
    match end.duration_since(now) {
        Ok(left) if !left.is_zero() => format_duration(left),
        _ => "expired".into(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn prose_is_wrapped_and_paragraphs_stay() {
        let text = wrap("one two three four five six\n\nseven", 22, "  ");
        assert_eq!(text, "  one two three four\n  five six\n\n  seven");
    }

    #[test]
    fn nothing_reaches_a_terminal_that_it_would_act_on() {
        assert_eq!(clean("a\x1b[31mb\x07"), "a\u{fffd}[31mb\u{fffd}");
    }

    #[test]
    fn what_is_left_is_told_in_two_units() {
        let now = SystemTime::UNIX_EPOCH;
        assert_eq!(expires_in(None, now), "never");
        assert_eq!(expires_in(Some(now), now), "expired");
        assert_eq!(expires_in(Some(now + Duration::from_secs(43_196)), now), "11h 59m");
    }
}
