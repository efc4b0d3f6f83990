//! What the tests of auth methods and of auto-configuration share: answers of AWS, in a world that is scripted.

use std::time::{Duration, SystemTime};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
pub(crate) use connector_conformance::{CANARY, Scripted as World, assert_silent, form_field as field};
use connector_core::{AuthMethod, Authenticated, Call, Context, Response, Result, format_time};
use serde_json::{Map, Value};

use crate::connector::Aws;
use crate::narrowing::Narrowing;
use crate::session::Session;

/// When each world begins.
pub(crate) fn start() -> SystemTime {
    World::start()
}

/// The form of the only request.
pub(crate) fn only_form(world: &World) -> Vec<(String, String)> {
    let forms = world.forms();
    assert_eq!(forms.len(), 1, "exactly one call");
    forms[0].clone()
}

/// A method from its config, as the registry makes it: checked.
pub(crate) fn method<M: AuthMethod<Connector = Aws>>(config: Value) -> M {
    let method: M = serde_json::from_value(config).expect("a config of the method");
    assert_eq!(method.check(), [], "the config is good");
    method
}

/// Authenticates once, for as long as is asked or as the method's default says.
pub(crate) async fn authenticate<M: AuthMethod<Connector = Aws>>(
    method: &M,
    cx: &Context,
    seconds: Option<u64>,
    narrowing: Option<&Narrowing>,
) -> Result<Authenticated<Session>> {
    method.recall(cx).await?;
    let default = method.lifetime().map(|it| it.default);
    let call = Call::new(cx, seconds.map(Duration::from_secs).or(default));
    method.authenticate(&call, narrowing).await
}

pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => panic!("not an object"),
    }
}

/// An answer whose clock stands at `date`.
pub(crate) fn answer_at(date: SystemTime, status: u16, body: &str) -> Response {
    let date = DateTime::from(date).fmt(Format::HttpDate).expect("a date");
    let headers = [("date", date.as_str()), ("x-amzn-requestid", "request-1"), ("content-type", "text/xml")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Response::new(status, headers.into(), body.as_bytes().to_vec())
}

pub(crate) fn json_answer(status: u16, body: &Value) -> Response {
    answer_at(start(), status, &body.to_string())
}

/// A refusal of a service that speaks JSON.
pub(crate) fn json_refusal(status: u16, code: &str) -> Response {
    let headers = vec![("x-amzn-errortype".to_owned(), code.to_owned())];
    Response::new(status, headers, format!(r#"{{"message":"{CANARY}"}}"#).into_bytes())
}

/// STS gives temporary credentials whose names end with `mark`, for `seconds` by a clock at `date`.
pub(crate) fn given_at(date: SystemTime, call: &str, mark: &str, seconds: u64) -> Response {
    let end = format_time(date + Duration::from_secs(seconds));
    let who = match call {
        "AssumeRole" | "AssumeRoleWithWebIdentity" => {
            "<AssumedRoleUser><AssumedRoleId>AROA:me</AssumedRoleId>\
             <Arn>arn:aws:sts::123456789012:assumed-role/demo/me</Arn></AssumedRoleUser>"
        }
        "GetFederationToken" => {
            "<FederatedUser><FederatedUserId>123456789012:me</FederatedUserId>\
             <Arn>arn:aws:sts::123456789012:federated-user/me</Arn></FederatedUser>"
        }
        _ => "",
    };
    answer_at(
        date,
        200,
        &format!(
            "<{call}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{call}Result><Credentials>\
             <AccessKeyId>ASIA{mark}</AccessKeyId><SecretAccessKey>secret-{mark}</SecretAccessKey>\
             <SessionToken>token-{mark}</SessionToken><Expiration>{end}</Expiration></Credentials>{who}\
             </{call}Result><ResponseMetadata><RequestId>request-1</RequestId></ResponseMetadata></{call}Response>"
        ),
    )
}

/// As [`given_at`], with clocks that agree.
pub(crate) fn given(call: &str, mark: &str, seconds: u64) -> Response {
    given_at(start(), call, mark, seconds)
}

pub(crate) fn caller(arn: &str) -> Response {
    answer_at(
        start(),
        200,
        &format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
             <Arn>{arn}</Arn><UserId>AIDA</UserId><Account>123456789012</Account></GetCallerIdentityResult>\
             </GetCallerIdentityResponse>"
        ),
    )
}

/// STS refuses; its message is a canary with `also` behind it.
pub(crate) fn refusal(status: u16, code: &str, also: &str) -> Response {
    answer_at(
        start(),
        status,
        &format!(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
             <Code>{code}</Code><Message>{CANARY} {also}</Message></Error><RequestId>request-1</RequestId></ErrorResponse>"
        ),
    )
}
