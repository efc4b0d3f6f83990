//! The few objects that kubectl posts as protobuf, read into the JSON that everybody else posts.

use serde_json::{Map, Value, json};

use crate::loopback::Call;

use super::status::Status;

const CONTENT_TYPE: &str = "application/vnd.kubernetes.protobuf";
const MAGIC: &[u8] = b"k8s\0";

/// The posted object, from either form.
pub(super) fn body(call: &Call) -> Result<Value, Status> {
    let kind = call.header("content-type").unwrap_or("application/json");
    match kind.split(';').next().map(str::trim) {
        Some("application/json") => {
            let read = serde_json::from_slice(&call.body);
            read.map_err(|_| Status::bad_request("the object provided is unrecognized: it is no JSON"))
        }
        Some(CONTENT_TYPE) => {
            let read = object(&call.body);
            read.ok_or_else(|| Status::bad_request("the object provided is unrecognized: it is no protobuf"))
        }
        _ => Err(Status::unsupported_media_type()),
    }
}

/// The envelope names the kind: field 1 is the type (version, kind), field 2 the object.
fn object(bytes: &[u8]) -> Option<Value> {
    let envelope = Message::read(bytes.strip_prefix(MAGIC)?)?;
    let types = Message::read(envelope.bytes(1)?)?;
    let (version, kind) = (types.text(1)?, types.text(2)?);
    let content = Message::read(envelope.bytes(2).unwrap_or_default())?;
    let spec = Message::read(content.bytes(2).unwrap_or_default())?;
    let spec = match kind.as_str() {
        "TokenRequest" => token_request(&spec)?,
        "SelfSubjectAccessReview" => access_review(&spec)?,
        "SelfSubjectRulesReview" => spec.texts(&[(1, "namespace")]),
        "SelfSubjectReview" => Value::Null,
        _ => return None,
    };
    Some(json!({ "apiVersion": version, "kind": kind, "spec": spec }))
}

fn token_request(spec: &Message) -> Option<Value> {
    let mut read = json!({ "audiences": spec.all_texts(1) });
    if let Some(seconds) = spec.number(4) {
        read["expirationSeconds"] = seconds.into();
    }
    if let Some(reference) = spec.bytes(3) {
        let fields = [(1, "kind"), (2, "apiVersion"), (3, "name"), (4, "uid")];
        read["boundObjectRef"] = Message::read(reference)?.texts(&fields);
    }
    Some(read)
}

fn access_review(spec: &Message) -> Option<Value> {
    let resource = [
        (1, "namespace"),
        (2, "verb"),
        (3, "group"),
        (4, "version"),
        (5, "resource"),
        (6, "subresource"),
        (7, "name"),
    ];
    let mut read = json!({});
    if let Some(attributes) = spec.bytes(1) {
        read["resourceAttributes"] = Message::read(attributes)?.texts(&resource);
    }
    if let Some(attributes) = spec.bytes(2) {
        read["nonResourceAttributes"] = Message::read(attributes)?.texts(&[(1, "path"), (2, "verb")]);
    }
    Some(read)
}

enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message, in the order in which they came.
struct Message<'a>(Vec<(u64, Field<'a>)>);

impl<'a> Message<'a> {
    fn read(mut rest: &'a [u8]) -> Option<Self> {
        let mut fields = Vec::new();
        while !rest.is_empty() {
            let tag = varint(&mut rest)?;
            let field = match tag & 7 {
                0 => Field::Number(varint(&mut rest)?),
                2 => {
                    let length = usize::try_from(varint(&mut rest)?).ok()?;
                    Field::Bytes(rest.split_off(..length)?)
                }
                _ => return None,
            };
            fields.push((tag >> 3, field));
        }
        Some(Self(fields))
    }

    fn all_bytes(&self, number: u64) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter_map(move |(other, field)| match field {
            Field::Bytes(bytes) if *other == number => Some(*bytes),
            _ => None,
        })
    }

    fn bytes(&self, number: u64) -> Option<&'a [u8]> {
        self.all_bytes(number).last()
    }

    fn all_texts(&self, number: u64) -> Vec<String> {
        self.all_bytes(number).map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect()
    }

    fn text(&self, number: u64) -> Option<String> {
        self.all_texts(number).pop()
    }

    fn number(&self, number: u64) -> Option<i64> {
        self.0.iter().rev().find_map(|(other, field)| match field {
            // Negative numbers are written as their two's complement.
            Field::Number(value) if *other == number => Some(*value as i64),
            _ => None,
        })
    }

    /// An object of those text fields that are there.
    fn texts(&self, fields: &[(u64, &str)]) -> Value {
        let there = fields.iter().filter_map(|(number, name)| {
            let text = self.text(*number).filter(|text| !text.is_empty())?;
            Some(((*name).to_owned(), text.into()))
        });
        Value::Object(there.collect::<Map<_, _>>())
    }
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *rest.split_off_first()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).expect("a short field");
        [&[number << 3 | 2, length], content].concat()
    }

    #[test]
    fn a_token_request_is_read_and_a_cut_one_is_not() {
        let reference = [field(1, b"Pod"), field(3, b"p")].concat();
        let spec = [field(1, b"a"), field(1, b"b"), field(3, &reference), vec![4 << 3, 0x90, 0x1c]].concat();
        let types = [field(1, b"authentication.k8s.io/v1"), field(2, b"TokenRequest")].concat();
        let bytes = [MAGIC, &field(1, &types), &field(2, &field(2, &spec))].concat();
        let read = object(&bytes).expect("a whole object");
        let wanted = json!({
            "audiences": ["a", "b"], "expirationSeconds": 3600, "boundObjectRef": { "kind": "Pod", "name": "p" },
        });
        assert_eq!(read["spec"], wanted);
        for length in 0..bytes.len() {
            assert!(object(&bytes[..length]).is_none_or(|cut| cut["spec"] != wanted), "{length}");
        }
    }
}
