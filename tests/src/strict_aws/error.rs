use crate::loopback::Answer;
use crate::random;

/// A refusal in AWS's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AwsError {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl AwsError {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    pub(super) fn access_denied(message: impl Into<String>) -> Self {
        Self::new(403, "AccessDenied", message)
    }

    pub(super) fn validation(message: impl Into<String>) -> Self {
        Self::new(400, "ValidationError", message)
    }

    /// A value that breaks a constraint of the service's model.
    pub(super) fn constraint(name: &str, value: &str, rule: &str) -> Self {
        Self::validation(format!(
            "1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: {rule}"
        ))
    }

    /// As the query protocol (STS) tells it.
    pub(super) fn as_query(&self) -> Answer {
        let body = format!(
            "<ErrorResponse xmlns=\"{STS_NAMESPACE}\"><Error><Type>Sender</Type><Code>{}</Code>\
             <Message>{}</Message></Error><RequestId>{}</RequestId></ErrorResponse>",
            self.code,
            xml(&self.message),
            request_id()
        );
        Answer::new(self.status, "text/xml", body)
    }

    /// As S3 tells it.
    pub(super) fn as_s3(&self) -> Answer {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message>\
             <RequestId>{}</RequestId><HostId>{}</HostId></Error>",
            self.code,
            xml(&self.message),
            random::id(16),
            random::token(56)
        );
        Answer::new(self.status, "application/xml", body)
    }

    /// As the REST protocol with JSON (IAM Identity Center) tells it.
    pub(super) fn as_json(&self) -> Answer {
        let body = serde_json::json!({ "message": self.message, "__type": self.code });
        Answer::json(self.status, &body).with_header("x-amzn-errortype", self.code)
    }
}

/// The XML namespace of STS.
pub(super) const STS_NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// Text with the five characters of XML escaped.
pub(super) fn xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A request id in the shape of a UUID.
pub(super) fn request_id() -> String {
    let hex = |length| random::text(length, b"0123456789abcdef");
    format!("{}-{}-{}-{}-{}", hex(8), hex(4), hex(4), hex(4), hex(12))
}
