/// A text between two tags.
pub(super) fn text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// `<name>text</name>`.
pub(super) fn element(name: &str, content: &str) -> String {
    format!("<{name}>{}</{name}>", text(content))
}

/// What stands between the first pair of these tags.
pub(super) fn content<'a>(document: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = document.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(content, _)| content)
}

/// What stands between all pairs of tags within the document, with the names of the tags.
pub(super) fn children(document: &str) -> Vec<(&str, &str)> {
    let mut all = Vec::new();
    let mut rest = document;
    while let Some((_, after)) = rest.split_once('<') {
        let Some((name, after)) = after.split_once('>') else { break };
        let Some((content, after)) = after.split_once(&format!("</{name}>")) else {
            rest = after;
            continue;
        };
        all.push((name, content));
        rest = after;
    }
    all
}
