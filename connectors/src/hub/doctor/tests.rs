//! Each rule, where it finds something and where it does not; and the bounds of what is asked of metadata services.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use connector_core::{
    Clock, Context, Error, Http, Patience, Request, Response, Result, VirtualClock, async_trait,
    parse_http_date,
};

use super::around::Bounded;
use super::{Link, rule};

#[test]
fn rules_have_ids_that_are_kebab_case_and_nobody_else_s() {
    let all = rule::RULES.iter().copied().chain(Link::ALL.into_iter().map(Link::rule));
    let mut ids = BTreeSet::new();
    for it in all {
        let is_kebab = it.id.bytes().all(|it| it.is_ascii_lowercase() || it == b'-');
        assert!(is_kebab && ids.insert(it.id), "{}", it.id);
        assert!(it.about.ends_with('.') && !it.fix.is_empty() && !it.fix.ends_with('.'), "{}", it.id);
    }
    for link in Link::ALL {
        assert_eq!(link.rule().id, format!("failed-{}", link.as_str()));
    }
}

/// A network in which some never answer: each call to those takes all the time that it has.
#[derive(Clone)]
struct Silent {
    clock: VirtualClock,
    limits: Arc<Mutex<Vec<Option<Duration>>>>,
    date: Option<&'static str>,
}

#[async_trait]
impl Http for Silent {
    async fn send(&self, request: Request) -> Result<Response> {
        self.limits.lock().expect("no test panics while it holds this").push(request.timeout());
        match self.date {
            Some(date) => Ok(Response::new(200, vec![("date".into(), date.into())], Vec::new())),
            None => {
                self.clock.advance(request.timeout().expect("every call is bounded"));
                Err(Error::unreachable("no answer"))
            }
        }
    }
}

fn silent(date: Option<&'static str>) -> (Silent, Context) {
    let clock = VirtualClock::default();
    let silent = Silent { clock: clock.clone(), limits: Arc::default(), date };
    (silent.clone(), Context::detached(clock).with_http(silent))
}

const CALL: Duration = Duration::from_secs(5);
const METADATA: Duration = Duration::from_secs(1);

/// A metadata service that never answers costs a second, however often it is asked, and is not asked again then.
#[tokio::test]
async fn metadata_services_have_one_second_for_everything() {
    let (network, cx) = silent(None);
    let began = cx.now();
    let (http, seen) = Bounded::new(&cx, CALL, METADATA);
    let cx = cx.with_http(http).with_call_limit(CALL);
    let ask = |limit: u64| {
        let request = Request::get("http://169.254.169.254/x").to_metadata();
        cx.send_patiently(request.with_timeout(Duration::from_millis(limit)), Patience::default())
    };
    // One that allows itself less leaves the rest to the next.
    let sent_patiently = async {
        for limit in [400, 2000, 2000] {
            ask(limit).await.expect_err("nobody answers");
        }
        ask(2000).await.expect_err("nobody answers")
    };
    let waits = async {
        // Pauses between tries are waited for here.
        loop {
            tokio::task::yield_now().await;
            network.clock.advance(Duration::from_millis(1));
        }
    };
    let error = tokio::select! { error = sent_patiently => error, () = waits => unreachable!() };
    assert!(!error.is_transient() && error.message().contains("used up the 1s"), "{error}");
    let asked: Duration = network.limits.lock().expect("held by nobody").iter().flatten().sum();
    assert_eq!(asked, METADATA, "{:?}", network.limits);
    assert!(seen.calls() <= 4 && seen.calls() >= 2, "{}", seen.calls());
    assert!(cx.now().duration_since(began).is_ok());
}

/// S41: whoever looks for an instance's role where nobody answers is told after a second, whatever other calls have.
#[cfg(feature = "aws")]
#[tokio::test]
async fn s41_metadata_of_aws_has_a_second_whatever_other_calls_have() {
    use connector_core::Document;
    use serde_json::json;

    use crate::hub::doctor::{HopState, Probe};
    use crate::hub::{Draft, Hub, Options, Registration};

    let (network, cx) = silent(None);
    let home = tempfile::tempdir().expect("a directory");
    let hub = Hub::open(Options::new(home.path()).with_context(cx.with_implicit(true))).await.expect("opens");
    let config = json!({ "region": "us-east-1" }).as_object().cloned().expect("an object");
    let draft = Draft::new(Document::draft("here", "aws", "implicit", config));
    hub.register(draft, Registration::Unverified).await.expect("stored");
    let began = network.clock.now();
    let probe = Probe::default().with_call(Duration::from_secs(60));
    let chain = hub.diagnose("here", &probe).await.chain;
    let failed = chain.hops.iter().find(|it| it.state == HopState::Failed);
    assert_eq!(failed.map(|it| it.link), Some(Link::Authenticate), "{chain:?}");
    assert_eq!(*network.limits.lock().expect("held by nobody"), [Some(METADATA)]);
    assert_eq!(network.clock.now().duration_since(began).ok(), Some(METADATA));
}

#[tokio::test]
async fn other_calls_have_the_limit_or_less() {
    let (network, cx) = silent(None);
    let (http, seen) = Bounded::new(&cx, CALL, METADATA);
    let cx = cx.with_http(http);
    cx.send(Request::get("https://example.org")).await.expect_err("nobody answers");
    let own = Request::get("https://example.org").with_timeout(Duration::from_secs(60));
    cx.send(own).await.expect_err("nobody answers");
    cx.send(Request::get("https://example.org").with_timeout(METADATA)).await.expect_err("nobody answers");
    let limits = network.limits.lock().expect("held by nobody").clone();
    assert_eq!((limits, seen.calls()), (vec![Some(CALL), Some(CALL), Some(METADATA)], 3));
}

#[tokio::test]
async fn a_wrong_clock_is_seen_in_any_answer() {
    let date = "Thu, 01 Jan 2026 01:00:00 GMT";
    let (network, cx) = silent(Some(date));
    let (http, seen) = Bounded::new(&cx, CALL, METADATA);
    let cx = cx.with_http(http);
    assert_eq!(seen.skew(), None);
    cx.send(Request::get("https://example.org/path?token=x")).await.expect("answered");
    let skew = seen.skew().expect("an hour");
    assert_eq!((skew.apart.as_secs(), skew.ahead, &*skew.origin), (3600, false, "https://example.org"));

    network.clock.set(parse_http_date(date).expect("a date"));
    let (http, seen) = Bounded::new(&cx, CALL, METADATA);
    cx.with_http(http).send(Request::get("https://example.org")).await.expect("answered");
    assert_eq!((seen.skew(), network.clock.now()), (None, parse_http_date(date).expect("a date")));
}

/// The rules on documents, with the real types and methods.
#[cfg(all(feature = "aws", feature = "docker", feature = "gcp", feature = "k8s"))]
mod documents {
    use std::time::{Duration, SystemTime};

    use connector_core::{
        Allow, Clock, Document, Identity, Life, Lifetime, MethodAbout, VirtualClock, Visibility,
    };
    use serde_json::{Map, json};

    use super::super::findings::{Parsed, Subject, judge};
    use super::super::{Finding, Probe, Severity};

    fn now() -> SystemTime {
        VirtualClock::default().now()
    }

    fn document(connector_type: &str, method: &str) -> Document {
        Document::draft("prod", connector_type, method, Map::new())
    }

    /// For one bucket, of a role: nothing is to be found.
    fn sound() -> (Document, Parsed) {
        let mut document = document("aws", "iam-role");
        (document.resource_type, document.resource_id) = (Some("s3-bucket".into()), Some("s3://data".into()));
        let about =
            MethodAbout::new("IAM role", "", Life::Long, Identity::Service).temporary().narrows("policy");
        let about = about.lifetime(Lifetime::seconds(900, 3600, 43_200));
        (document, Parsed { about, ends: None, hands_on_secret: false, narrows: Some(true) })
    }

    fn found(document: &Document, method: Option<Parsed>, implicit: bool) -> Vec<Finding> {
        let registry = crate::registry().expect("one of each");
        let subject = Subject { registry: &registry, document, method, implicit, now: now() };
        judge(&subject, &Probe::default())
    }

    /// What changes of the sound one, and all that is found then.
    #[track_caller]
    fn check(change: impl FnOnce(&mut Document, &mut Parsed), expected: &[(&str, Severity)]) -> Vec<Finding> {
        let (mut document, mut parsed) = sound();
        change(&mut document, &mut parsed);
        let found = found(&document, Some(parsed), true);
        let ids: Vec<_> = found.iter().map(|it| (it.rule.id, it.severity)).collect();
        assert_eq!(ids, expected);
        assert!(found.iter().all(|it| it.connector.as_deref() == Some("prod")));
        found
    }

    use Severity::{Error, Note, Warning};

    #[test]
    fn a_sound_connector_has_no_findings() {
        check(|_, _| (), &[]);
    }

    /// Who holds a stored token and no leave is refused whatever he asks, although his cluster is reached.
    #[test]
    fn a_connector_that_has_nothing_it_may_give_is_found() {
        let stored = |method: &str, hands_on_secret: bool| {
            let about = MethodAbout::new("Token", "", Life::Long, Identity::Service);
            (document("kubernetes", method), Parsed { about, ends: None, hands_on_secret, narrows: None })
        };
        let rules = |(document, parsed)| -> Vec<&str> {
            found(&document, Some(parsed), false).iter().map(|it| it.rule.id).collect()
        };
        assert_eq!(rules(stored("token", true)), ["nothing-to-issue"]);
        assert!(!rules(stored("token", false)).contains(&"nothing-to-issue"));
        let (mut allowed, parsed) = stored("token", true);
        allowed.allow = [Allow::LongLived].into();
        assert!(!rules((allowed, parsed)).contains(&"nothing-to-issue"));
        // docker's own helper is given it without leave.
        let (_, parsed) = stored("password", true);
        assert!(!rules((document("docker", "password"), parsed)).contains(&"nothing-to-issue"));
    }

    #[test]
    fn what_is_allowed_is_found_and_the_fix_keeps_the_rest() {
        let found = check(
            |document, parsed| {
                document.allow = Allow::ALL.into();
                parsed.hands_on_secret = true;
            },
            &[("long-lived-handed-out", Warning), ("admin-allowed", Warning), ("programs-allowed", Warning)],
        );
        assert!(
            found[1].fix.ends_with("`connector update prod --allow long-lived --allow exec`"),
            "{:?}",
            found[1]
        );
        let found = check(
            |document, _| document.allow = [Allow::LongLived].into(),
            &[("long-lived-handed-out", Note)],
        );
        assert!(found[0].fix.ends_with("`connector update prod --allow ''`"), "{:?}", found[0]);
    }

    #[test]
    fn the_machine_s_identity_is_found_while_it_may_be_used() {
        let implicit = |_: &mut Document, parsed: &mut Parsed| parsed.about = parsed.about.implicit();
        check(implicit, &[("implicit-auth", Warning)]);
        let (document, mut parsed) = sound();
        parsed.about = parsed.about.implicit();
        assert!(found(&document, Some(parsed), false).is_empty(), "it is off");
    }

    #[test]
    fn a_method_that_narrows_nothing_is_found_where_another_would() {
        let wide = |document: &mut Document, parsed: &mut Parsed| {
            document.method = "session-token".into();
            parsed.about.narrows = None;
        };
        let found = check(wide, &[("not-narrowed", Warning)]);
        assert!(
            found[0].fix.contains("iam-role") && !found[0].fix.contains("session-token"),
            "{:?}",
            found[0]
        );
        let own_policy = |_: &mut Document, parsed: &mut Parsed| parsed.about.narrows = None;
        let found = check(own_policy, &[("not-narrowed", Warning)]);
        assert!(found[0].message.starts_with("with this config"), "{:?}", found[0]);
        // No method of docker narrows, so there is nothing to choose.
        let docker = |document: &mut Document, parsed: &mut Parsed| {
            (document.connector_type, document.method) = ("docker".into(), "anonymous".into());
            (document.resource_type, document.resource_id) = (None, None);
            parsed.about.narrows = None;
        };
        check(docker, &[]);
    }

    #[test]
    fn a_resource_type_that_is_not_narrowed_is_told() {
        let cluster = |document: &mut Document, parsed: &mut Parsed| {
            document.resource_type = Some("kubernetes-cluster".into());
            document.resource_id = Some("demo".into());
            parsed.narrows = Some(false);
        };
        check(cluster, &[("not-narrowed", Note)]);
    }

    #[test]
    fn a_connector_for_everything_is_told() {
        let all = |document: &mut Document, parsed: &mut Parsed| {
            (document.resource_type, document.resource_id, parsed.narrows) = (None, None, None);
        };
        check(all, &[("any-resource", Note)]);
        // A cluster of its own is all that one of Kubernetes is for.
        let kubernetes = |document: &mut Document, _: &mut Parsed| {
            (document.connector_type, document.method) = ("kubernetes".into(), "token".into());
            (document.resource_type, document.resource_id) = (None, None);
        };
        check(kubernetes, &[]);
    }

    #[test]
    fn a_life_beyond_the_policy_is_found() {
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        check(|document, _| document.duration = Some(hours(12)), &[]);
        let found =
            check(|document, _| document.duration = Some(hours(13)), &[("lifetime-over-policy", Warning)]);
        assert!(found[0].fix.contains("--duration 12h"), "{:?}", found[0]);
        let day_and_a_half = Lifetime::seconds(900, 43_200, 129_600);
        let may_ask = |_: &mut Document, parsed: &mut Parsed| parsed.about.lifetime = Some(day_and_a_half);
        check(may_ask, &[("lifetime-over-policy", Note)]);
        // What the connector allows is all that anybody gets.
        check(
            |document, parsed| {
                may_ask(document, parsed);
                document.duration = Some(hours(1));
            },
            &[],
        );
        // A token of EKS lives a quarter of an hour, whoever asks for what.
        check(
            |document, parsed| {
                may_ask(document, parsed);
                (document.resource_type, document.resource_id) = (Some("kubernetes-cluster".into()), None);
            },
            &[],
        );
        check(|_, parsed| parsed.about.lifetime = None, &[]);
    }

    #[test]
    fn s23_a_person_s_identity_on_a_shared_connector_is_found() {
        let user = |document: &mut Document, parsed: &mut Parsed| {
            parsed.about.identity = Identity::User;
            document.visibility = Visibility::Shared;
        };
        check(user, &[("user-on-shared", Warning)]);
        check(
            |document, parsed| {
                user(document, parsed);
                document.visibility = Visibility::Private;
            },
            &[],
        );
        check(
            |document, parsed| {
                user(document, parsed);
                parsed.about.identity = Identity::Service;
            },
            &[],
        );
    }

    #[test]
    fn unverified_tls_is_an_error() {
        let insecure = |value: serde_json::Value| {
            move |document: &mut Document, _: &mut Parsed| {
                drop(document.config.insert("insecure".into(), value))
            }
        };
        check(insecure(json!(true)), &[("tls-not-verified", Error)]);
        check(insecure(json!(false)), &[]);
    }

    #[test]
    fn an_end_is_found_when_it_is_near_or_past() {
        let days = |days: u64| Duration::from_secs(days * 24 * 3600);
        check(|document, _| document.expires_at = Some(now() + days(8)), &[]);
        check(|document, _| document.expires_at = Some(now() + days(7)), &[("ends-soon", Warning)]);
        check(|document, _| document.expires_at = Some(now()), &[("has-ended", Warning)]);
        check(|document, _| document.expires_at = Some(now() - days(1)), &[("has-ended", Warning)]);
        let found = check(
            |document, parsed| {
                document.expires_at = Some(now() + days(30));
                parsed.ends = Some(now() + days(1));
            },
            &[("ends-soon", Warning)],
        );
        assert!(found[0].message.starts_with("the credential that it holds ends in 24h"), "{:?}", found[0]);
    }

    #[test]
    fn s22_a_password_is_told_with_what_is_better() {
        let found = check(
            |document, parsed| {
                (document.connector_type, document.method) = ("docker".into(), "password".into());
                (document.resource_type, document.resource_id) = (None, None);
                parsed.about = parsed.about.warning("make an access token");
                parsed.about.narrows = None;
            },
            &[("password-method", Note)],
        );
        assert_eq!(found[0].message, "make an access token");
    }

    /// What cannot be parsed is still judged by its document.
    #[test]
    fn a_document_alone_is_judged_too() {
        let (mut document, _) = sound();
        document.allow = [Allow::LongLived].into();
        let found = found(&document, None, true);
        assert_eq!(found.iter().map(|it| it.rule.id).collect::<Vec<_>>(), ["long-lived-handed-out"]);
    }
}
