//! The least of S3: listing buckets and objects, looking at a bucket, reading and writing an object; buckets in
//! other regions answer with a redirect. Who is authenticated may do all of it unless a test denies it.

use std::collections::BTreeMap;

use super::clock::{http_date, iso};
use super::error::{AwsError, request_id, xml};
use super::identity::Refusal;
use super::state::State;
use crate::loopback::{Answer, Call, decoded};

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// A bucket, with its objects by key.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    pub(super) region: String,
    pub(super) objects: BTreeMap<String, Vec<u8>>,
}

pub(super) fn answer(state: &mut State, call: &Call) -> Answer {
    let answer = operate(state, call).unwrap_or_else(|error| match call.method.as_str() {
        // An answer to HEAD has no body to tell the error in.
        "HEAD" => Answer::empty(error.status),
        _ => error.as_s3(),
    });
    answer.with_header("x-amz-request-id", request_id())
}

fn operate(state: &mut State, call: &Call) -> Result<Answer, AwsError> {
    let (caller, signature) = state.authenticate(call, "s3").map_err(refused)?;
    let path = decoded(&call.path);
    let (name, key) =
        path.trim_start_matches('/').split_once('/').unwrap_or((path.trim_start_matches('/'), ""));
    let has = |name: &str| call.query_pairs().iter().any(|(other, _)| other == name);
    let action = match (call.method.as_str(), name.is_empty(), key.is_empty()) {
        ("GET", true, _) => "s3:ListAllMyBuckets",
        ("GET", false, true) if has("location") => "s3:GetBucketLocation",
        ("GET" | "HEAD", false, true) => "s3:ListBucket",
        ("GET" | "HEAD", false, false) => "s3:GetObject",
        ("PUT", false, false) => "s3:PutObject",
        _ => return Err(AwsError::new(405, "MethodNotAllowed", "The specified method is not allowed.")),
    };
    state.permit(&caller, action)?;
    if action == "s3:ListAllMyBuckets" {
        return Ok(list_buckets(state, call));
    }
    let now = state.clock.now();
    let bucket = state.buckets.get_mut(name);
    let missing = || AwsError::new(404, "NoSuchBucket", "The specified bucket does not exist");
    let bucket = bucket.ok_or_else(missing)?;
    let region = bucket.region.clone();
    // The one question about a bucket that every region answers.
    if signature.region != region && action != "s3:GetBucketLocation" {
        return Ok(elsewhere(call, name, &region));
    }
    let answer = match action {
        "s3:GetBucketLocation" => location(&region),
        "s3:ListBucket" if call.method == "HEAD" => Answer::empty(200),
        "s3:ListBucket" => list_objects(name, bucket, call, now),
        "s3:PutObject" => {
            bucket.objects.insert(key.to_owned(), call.body.clone());
            Answer::empty(200).with_header("etag", "\"0\"")
        }
        _ => object(bucket, call, key, now)?,
    };
    Ok(answer.with_header("x-amz-bucket-region", region))
}

fn refused(refusal: Refusal) -> AwsError {
    match refusal {
        Refusal::Unsigned => AwsError::access_denied("Access Denied"),
        Refusal::UnknownKey => AwsError::new(
            403,
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
        ),
        Refusal::WrongToken => {
            AwsError::new(400, "InvalidToken", "The provided token is malformed or otherwise invalid.")
        }
        Refusal::Expired => AwsError::new(400, "ExpiredToken", "The provided token has expired."),
        Refusal::WrongService(service) => AwsError::new(
            400,
            "AuthorizationHeaderMalformed",
            format!(
                "The authorization header is malformed; incorrect service. This endpoint belongs to \"{service}\"."
            ),
        ),
        Refusal::Skewed(_) => AwsError::new(
            403,
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
        ),
        Refusal::Mismatch => AwsError::new(
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your key and \
             signing method.",
        ),
    }
}

fn list_buckets(state: &State, call: &Call) -> Answer {
    let parameter = |name| call.parameter(name);
    let limit = parameter("max-buckets").and_then(|text| text.parse().ok()).unwrap_or(10_000);
    let (prefix, after) = (parameter("prefix").unwrap_or_default(), parameter("continuation-token"));
    let created = iso(state.clock.now());
    let fits = |name: &str, bucket: &Bucket| {
        name.starts_with(&prefix)
            && after.as_deref().is_none_or(|after| name > after)
            && parameter("bucket-region").is_none_or(|region| region == bucket.region)
    };
    let mut left = state.buckets.iter().filter(|(name, bucket)| fits(name, bucket));
    let page: Vec<_> = left.by_ref().take(limit).collect();
    let more = match (page.last(), left.next()) {
        (Some((name, _)), Some(_)) => format!("<ContinuationToken>{name}</ContinuationToken>"),
        _ => String::new(),
    };
    let entry = |(name, bucket): &(&String, &Bucket)| {
        let region = &bucket.region;
        format!(
            "<Bucket><Name>{name}</Name><CreationDate>{created}</CreationDate>\
             <BucketRegion>{region}</BucketRegion></Bucket>"
        )
    };
    let buckets: String = page.iter().map(entry).collect();
    document(
        "ListAllMyBucketsResult",
        &format!(
            "<Owner><ID>0</ID></Owner><Buckets>{buckets}</Buckets>{more}<Prefix>{}</Prefix>",
            xml(&prefix)
        ),
    )
}

fn list_objects(name: &str, bucket: &Bucket, call: &Call, now: i64) -> Answer {
    let parameter = |name| call.parameter(name).unwrap_or_default();
    let (prefix, delimiter, after) =
        (parameter("prefix"), parameter("delimiter"), parameter("continuation-token"));
    let limit = parameter("max-keys").parse().unwrap_or(1000);
    // A key, or the folder that stands for all keys below it.
    let shown = |key: &String| {
        let rest = &key[prefix.len()..];
        let end = if delimiter.is_empty() { None } else { rest.find(&delimiter) };
        end.map_or_else(|| key.clone(), |end| format!("{prefix}{}{delimiter}", &rest[..end]))
    };
    let mut entries: Vec<_> =
        bucket.objects.keys().filter(|key| key.starts_with(&prefix)).map(shown).collect();
    entries.dedup();
    entries.retain(|entry| after.is_empty() || *entry > after);
    let truncated = entries.len() > limit;
    entries.truncate(limit);
    let element = |entry: &String| match bucket.objects.get(entry) {
        Some(body) => format!(
            "<Contents><Key>{}</Key><LastModified>{}</LastModified><ETag>&quot;0&quot;</ETag><Size>{}</Size>\
             <StorageClass>STANDARD</StorageClass></Contents>",
            xml(entry),
            iso(now),
            body.len()
        ),
        None => format!("<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>", xml(entry)),
    };
    let listed: String = entries.iter().map(element).collect();
    let next = match entries.last() {
        Some(last) if truncated => format!("<NextContinuationToken>{}</NextContinuationToken>", xml(last)),
        _ => String::new(),
    };
    document(
        "ListBucketResult",
        &format!(
            "<Name>{name}</Name><Prefix>{}</Prefix><KeyCount>{}</KeyCount><MaxKeys>{limit}</MaxKeys>\
             <IsTruncated>{truncated}</IsTruncated>{next}{listed}",
            xml(&prefix),
            entries.len()
        ),
    )
}

fn object(bucket: &Bucket, call: &Call, key: &str, now: i64) -> Result<Answer, AwsError> {
    let body = bucket.objects.get(key);
    let body = body.ok_or_else(|| AwsError::new(404, "NoSuchKey", "The specified key does not exist."))?;
    let answer =
        Answer::new(200, "binary/octet-stream", Vec::new()).with_header("last-modified", http_date(now));
    let answer = answer.with_header("etag", "\"0\"");
    Ok(match call.method.as_str() {
        "HEAD" => answer.with_header("content-length", body.len().to_string()),
        _ => answer.with_body(body.clone()),
    })
}

fn location(region: &str) -> Answer {
    let text = if region == "us-east-1" { "" } else { region };
    let body = format!("{PROLOGUE}<LocationConstraint xmlns=\"{NAMESPACE}\">{text}</LocationConstraint>");
    Answer::new(200, "application/xml", body)
}

fn elsewhere(call: &Call, name: &str, region: &str) -> Answer {
    let message = "The bucket you are attempting to access must be addressed using the specified endpoint. Please \
                   send all future requests to this endpoint.";
    let body = format!(
        "{PROLOGUE}<Error><Code>PermanentRedirect</Code><Message>{message}</Message>\
         <Endpoint>{name}.s3.{region}.amazonaws.com</Endpoint><Bucket>{name}</Bucket></Error>"
    );
    let answer = match call.method.as_str() {
        "HEAD" => Answer::empty(301),
        _ => Answer::new(301, "application/xml", body),
    };
    answer.with_header("x-amz-bucket-region", region)
}

const PROLOGUE: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

fn document(root: &str, content: &str) -> Answer {
    let body = format!("{PROLOGUE}<{root} xmlns=\"{NAMESPACE}\">{content}</{root}>");
    Answer::new(200, "application/xml", body)
}
