use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use super::identity::{self, Caller, User};
use super::request::{Request, Target};
use super::state::State;
use super::status::Status;
use super::{Seen, discovery, objects, protobuf, rbac, review, token, watch, webhook};
use crate::clock;
use crate::loopback::{Answer, Answering, Call, Handler};
use crate::strict_azure::AksWebhook;
use crate::strict_google::GkeWebhook;

/// Answers the calls of one server.
pub(super) struct Api {
    pub(super) state: Arc<Mutex<State>>,
    /// Told after every answer.
    pub(super) answered: Arc<Condvar>,
}

impl Handler for Api {
    fn answer(&self, call: Call) -> Answering {
        let (state, answered) = (Arc::clone(&self.state), Arc::clone(&self.answered));
        Box::pin(async move {
            let (webhook, google, azure, now) = {
                let state = state.lock().expect("no answer panics");
                (state.webhook.clone(), state.google.clone(), state.azure.clone(), state.clock.now())
            };
            let elsewhere = match (webhook, google, azure, identity::bearer(&call)) {
                (Some(webhook), _, _, Some(token)) if webhook::is_one(token) => {
                    Some(webhook.review(token, now).await)
                }
                (_, Some(google), _, Some(token)) if GkeWebhook::is_one(token) => {
                    Some(google.review(token).map(|name| User::new(&name, &[])))
                }
                (_, _, Some(azure), Some(token)) if AksWebhook::is_one(token) => {
                    Some(azure.review(token).map(|name| User::new(&name, &[])))
                }
                _ => None,
            };
            let mut state = state.lock().expect("no answer panics");
            let caller = identity::authenticate(&state, &call, elsewhere);
            let user = caller.as_ref().ok().map(|caller| caller.user.name.clone());
            let answer = caller.and_then(|caller| respond(&mut state, &call, caller));
            let answer = answer.unwrap_or_else(|status| status.as_answer());
            state.seen.push(Seen { method: call.method, path: call.path, user, status: answer.status });
            answered.notify_all();
            answer
                .with_header("date", clock::http_date(state.clock.now()))
                .with_header("cache-control", "no-cache, private")
        })
    }
}

fn respond(state: &mut State, call: &Call, caller: Caller) -> Result<Answer, Status> {
    let caller = impersonated(state, call, caller)?;
    let request = Request::of(call);
    // Who may not ask is not told what there is.
    if !rbac::allows(&state.rules, &caller.user, &request) {
        return Err(forbidden(&caller.user, &request));
    }
    match &request.target {
        None => match discovery::answer(state, call, &request.path) {
            Some(_) if request.verb != "get" && request.verb != "head" => Err(Status::method_not_allowed()),
            Some(answer) => Ok(answer),
            None => Ok(no_such_path()),
        },
        Some(target) => resource(state, call, &caller, &request, target),
    }
}

fn resource(
    state: &mut State,
    call: &Call,
    caller: &Caller,
    request: &Request,
    target: &Target,
) -> Result<Answer, Status> {
    let posted = || match request.verb.as_str() {
        "create" => protobuf::body(call),
        _ => Err(Status::method_not_allowed()),
    };
    let (group, version) = (target.group.as_str(), target.version.as_str());
    let created = match (group, version, target.with_subresource().as_str()) {
        ("", "v1", "serviceaccounts/token") => token::request(state, target, &posted()?)?,
        ("authentication.k8s.io", "v1", "selfsubjectreviews") if state.is_modern => {
            posted()?;
            review::of_caller(state, &caller.user)
        }
        ("authorization.k8s.io", "v1", "selfsubjectaccessreviews") => {
            review::of_access(state, &caller.user, &posted()?)
        }
        ("authorization.k8s.io", "v1", "selfsubjectrulesreviews") => {
            review::of_rules(state, &caller.user, &posted()?)
        }
        ("", "v1", known) if objects::known(known).is_some() => {
            return match request.verb.as_str() {
                "get" => state.objects.get(target),
                "list" => state.objects.list(target, call),
                "watch" => {
                    let seconds = call.parameter("timeoutSeconds").and_then(|text| text.parse().ok());
                    let closes = seconds.map(|seconds| state.clock.after(Duration::from_secs(seconds)));
                    let facts = watch::Facts { token: caller.token.clone(), closes };
                    state.objects.watch(target, call, facts)
                }
                _ => Err(Status::method_not_allowed()),
            };
        }
        _ => return Ok(no_such_path()),
    };
    Ok(Answer::json(201, &created))
}

/// Whom the caller wants to be, where it may.
fn impersonated(state: &State, call: &Call, caller: Caller) -> Result<Caller, Status> {
    let Some(name) = call.header("impersonate-user") else { return Ok(caller) };
    let groups: Vec<&str> = call
        .headers
        .iter()
        .filter(|(header, _)| header.eq_ignore_ascii_case("impersonate-group"))
        .map(|(_, group)| group.as_str())
        .collect();
    let wanted = [vec![("users", name)], groups.iter().map(|group| ("groups", *group)).collect()].concat();
    for (resource, name) in wanted {
        let target = Target {
            version: "v1".to_owned(),
            resource: resource.to_owned(),
            name: name.to_owned(),
            ..Target::default()
        };
        let request = Request { verb: "impersonate".to_owned(), target: Some(target), path: String::new() };
        if !rbac::allows(&state.rules, &caller.user, &request) {
            return Err(forbidden(&caller.user, &request));
        }
    }
    let user = User::new(name, &[&groups[..], &["system:authenticated"]].concat());
    Ok(Caller { user, token: caller.token })
}

fn forbidden(user: &User, request: &Request) -> Status {
    let (name, verb) = (&user.name, &request.verb);
    let Some(target) = &request.target else {
        return Status::forbidden(None, &format!("User {name:?} cannot {verb} path {:?}", request.path));
    };
    let place = match target.namespace.as_str() {
        "" => "at the cluster scope".to_owned(),
        namespace => format!("in the namespace {namespace:?}"),
    };
    let message = format!(
        "User {name:?} cannot {verb} resource {:?} in API group {:?} {place}",
        target.with_subresource(),
        target.group
    );
    Status::forbidden(Some((&target.group, &target.resource, &target.name)), &message)
}

/// What the server answers where it knows no path: no object of kind `Status`.
fn no_such_path() -> Answer {
    Answer::new(404, "text/plain; charset=utf-8", "404 page not found\n")
}
