//! Reference pages in Markdown, from the JSON form of `describe-type`. What a type does not say is left out.

use serde_json::Value;

const NOTE: &str = "<!-- Written by `cargo xtask gen` from the program's own catalogue. Do not edit. -->\n";

/// The page that links the others.
pub(super) fn index(types: &[Value]) -> String {
    let mut page =
        format!("{NOTE}\n# Connector types\n\n| type | what it is | auth methods | resource types |\n");
    page.push_str("|---|---|---|---|\n");
    for value in types {
        let id = text(value, "type");
        let methods = codes(&entries(value, "auth_methods"), "method");
        let resources = codes(&entries(value, "resource_types"), "resource_type");
        page.push_str(&format!(
            "| [`{id}`]({id}.md) | {} | {methods} | {resources} |\n",
            cell(text(value, "name"))
        ));
    }
    page
}

/// The page of one type.
pub(super) fn of_type(value: &Value) -> String {
    let mut page = Page(format!("{NOTE}\n# {}: `{}`\n", text(value, "name"), text(value, "type")));
    page.paragraph(text(value, "description"));
    page.fact("Configures itself", value.get("auto_configures"));
    page.fact("Available", value.get("available"));
    page.fact("Needs", value.get("prerequisites"));
    page.paragraph("## Auth methods");
    for method in entries(value, "auth_methods") {
        of_method(&mut page, method);
    }
    page.paragraph("## Resource types");
    for resource in entries(value, "resource_types") {
        of_resource(&mut page, resource);
    }
    page.0
}

fn of_method(page: &mut Page, method: &Value) {
    page.paragraph(&format!("### {}: `{}`", text(method, "name"), text(method, "method")));
    page.paragraph(text(method, "description"));
    let warning = text(method, "warning");
    if !warning.is_empty() {
        page.paragraph(&format!("> **Warning**: {warning}"));
    }
    page.fact("Identity", method.get("identity"));
    page.fact("The secret it holds", method.get("life"));
    page.fact("Off until switched on", method.get("implicit").filter(|value| **value == true));
    page.fact("Issues temporary credentials", method.get("temporary"));
    page.fact("Narrows", method.get("narrows"));
    page.fact("Lifetime in seconds", method.get("lifetime"));
    let attributes = entries(method, "attributes");
    if attributes.is_empty() {
        return;
    }
    page.0.push_str("\n| key | type | required | secret | meaning |\n|---|---|---|---|---|\n");
    for attribute in attributes {
        let mark = |key: &str| if attribute[key] == true { "yes" } else { "" };
        page.0.push_str(&format!(
            "| `{}` | {} | {} | {} | {} |\n",
            text(attribute, "name"),
            cell(text(attribute, "type")),
            mark("required"),
            mark("secret"),
            cell(text(attribute, "description"))
        ));
    }
}

fn of_resource(page: &mut Page, resource: &Value) {
    page.paragraph(&format!("### {}: `{}`", text(resource, "name"), text(resource, "resource_type")));
    page.paragraph(text(resource, "description"));
    page.fact("Many instances", resource.get("instances"));
    page.fact("Credential", resource.get("credential"));
    page.fact("Auth methods", resource.get("auth_methods"));
    page.fact("Not with", resource.get("without"));
    page.fact("Narrows", resource.get("narrows"));
    page.fact("Forms of an id", resource.get("forms"));
    page.fact("Part within it", resource.get("within"));
    for access in ["read", "write", "admin"] {
        page.fact(&format!("Permissions for `{access}`"), resource["permissions"].get(access));
    }
    page.fact("They attach to", resource.get("permission_targets"));
}

struct Page(String);

impl Page {
    fn paragraph(&mut self, text: &str) {
        if !text.is_empty() {
            self.0.push_str(&format!("\n{text}\n"));
        }
    }

    /// One line of a list; nothing for what is absent, empty or null.
    fn fact(&mut self, name: &str, value: Option<&Value>) {
        let Some(shown) = value.map(shown).filter(|text| !text.is_empty()) else { return };
        // Facts that follow each other are one list.
        let follows = self.0.lines().last().is_some_and(|line| line.starts_with("- **"));
        self.0.push_str(&format!("{}- **{name}**: {shown}\n", if follows { "" } else { "\n" }));
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().map(shown_in_list).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => {
            // Bounds read from small to large; everything else by name.
            let order =
                |key: &str| ["min", "default", "max"].iter().position(|known| *known == key).unwrap_or(3);
            let mut fields: Vec<_> = fields.iter().filter(|(_, value)| !value.is_null()).collect();
            fields.sort_by_key(|(key, _)| (order(key), key.as_str()));
            fields.iter().map(|(key, value)| format!("{key} {}", shown(value))).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// An id as code, a sentence as it is, and a pair as an id with a word on it.
fn shown_in_list(value: &Value) -> String {
    match value {
        Value::String(text) if text.contains(' ') => text.clone(),
        Value::String(text) => format!("`{text}`"),
        Value::Array(pair) if pair.len() == 2 => match (pair[0].as_str(), shown(&pair[1])) {
            (Some(id), word) if word.is_empty() => format!("`{id}`"),
            (Some(id), word) => format!("`{id}` ({word})"),
            (None, word) => word,
        },
        other => shown(other),
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default().trim()
}

fn entries<'a>(value: &'a Value, key: &str) -> Vec<&'a Value> {
    value[key].as_array().map(|all| all.iter().collect()).unwrap_or_default()
}

fn codes(entries: &[&Value], key: &str) -> String {
    entries.iter().map(|entry| format!("`{}`", text(entry, key))).collect::<Vec<_>>().join(", ")
}

/// Text for a table's cell: one line, with the bars escaped.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_says_what_the_type_says_and_nothing_else() {
        let value = json!({
            "type": "aws", "name": "Amazon Web Services", "description": "All of it.", "auto_configures": true,
            "available": { "local": true, "remote": false }, "prerequisites": [],
            "auth_methods": [{
                "method": "iam-role", "name": "IAM role", "description": "Assumes a role.", "temporary": true,
                "lifetime": { "max": 43200, "min": 900, "default": 3600 }, "warning": null,
                "attributes": [{
                    "name": "role_arn", "type": "string", "secret": false, "required": true,
                    "description": "The role,\nor a | chain.",
                }],
            }],
            "resource_types": [{
                "resource_type": "s3-bucket", "name": "S3 bucket", "instances": true, "without": [],
                "forms": [["s3://{bucket}", "canonical"], ["{bucket}", ""]], "within": null,
                "permissions": { "read": ["s3:GetObject"], "admin": [] },
            }],
        });
        let page = of_type(&value);
        for line in [
            "# Amazon Web Services: `aws`",
            "- **Configures itself**: yes",
            "- **Available**: local yes, remote no",
            "### IAM role: `iam-role`",
            "- **Lifetime in seconds**: min 900, default 3600, max 43200",
            "| `role_arn` | string | yes |  | The role, or a \\| chain. |",
            "- **Forms of an id**: `s3://{bucket}` (canonical), `{bucket}`",
            "- **Permissions for `read`**: `s3:GetObject`",
        ] {
            assert!(page.lines().any(|other| other == line), "no line `{line}` in\n{page}");
        }
        for absent in ["Warning", "Needs", "Not with", "Part within", "Permissions for `admin`", "\n\n\n"] {
            assert!(!page.contains(absent), "`{absent}` in\n{page}");
        }
        assert!(
            index(&[value]).contains("| [`aws`](aws.md) | Amazon Web Services | `iam-role` | `s3-bucket` |")
        );
    }
}
