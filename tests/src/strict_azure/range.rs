use crate::loopback::Answer;

/// The part of an answer's body that `range` (`bytes=0-9`) names; `None` when there is nothing of it.
pub(super) fn part_of(answer: Answer, range: &str) -> Option<Answer> {
    let length = answer.body.len();
    let (start, end) = range.strip_prefix("bytes=")?.split_once('-')?;
    let start = start.parse::<usize>().ok()?;
    let end = end.parse::<usize>().map_or(length, |last| length.min(last.saturating_add(1)));
    let part = answer.body.get(start..end).filter(|part| !part.is_empty())?.to_vec();
    let part = Answer { status: 206, ..answer }.with_body(part);
    Some(part.with_header("content-range", format!("bytes {start}-{}/{length}", end - 1)))
}
