//! Credentials over time: renewed, kept, refused.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use connector_core::{Error, Person, Result, Secret, async_trait};
use connector_store::audit;
use connectors::agent::Agent;
use futures_util::future::{Either, select};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Barrier;

use super::{Desk, ONE, Running, ask, everything_in, keys, read, soon, token, until};
use crate::acme::{self, KEY, cloud, register};

/// C26, S32: whoever asks before the end of what he holds never holds what has ended.
#[tokio::test]
async fn c26_s32_three_ends_are_crossed_without_anybodys_help() {
    let desk = Desk::new("agent-ends").await;
    let agent = desk.start(&[ONE]).await;
    let began = cloud("agent-ends").logins();
    for end in 1..=3 {
        let answer = agent.ask(&agent.good()).await;
        assert!(answer.status == 200 && answer.left() > 1800, "{}", answer.body);
        desk.advance(answer.left() - 1);
        let last = agent.ask(&agent.good()).await;
        assert!(last.status == 200 && last.left() > 1800, "renewed while one second was left: {}", last.body);
        assert_eq!(cloud("agent-ends").logins(), began + end);
    }
    // All of it passes at once: the machine slept.
    desk.advance(100_000);
    assert!(agent.ask(&agent.good()).await.left() > 1800);
}

#[tokio::test]
async fn c26_two_hundred_requests_cause_one_call() {
    let desk = Desk::new("agent-many").await;
    let agent = desk.start(&[ONE]).await;
    desk.advance(4000);
    let before = cloud("agent-many").logins();
    let (address, request) = (agent.address(), agent.good());
    let asked = (0..200).map(|_| ask(address, &request));
    let answers = futures_util::future::join_all(asked).await;
    assert!(answers.iter().all(|it| it.status == 200 && it.body == answers[0].body));
    assert_eq!(cloud("agent-many").logins(), before + 1);
}

/// C26: a failed renewal keeps what is good to its real end, and not a second longer. Nothing of the failure but what is
/// meant for people is told.
#[tokio::test]
async fn c26_s31_a_provider_that_is_down_is_bridged_until_the_end() {
    let desk = Desk::new("agent-down").await;
    let agent = desk.start(&[ONE]).await;
    let left = agent.ask(&agent.good()).await.left();
    cloud("agent-down").go_down(true);
    desk.advance(left - 1);
    let answer = agent.ask(&agent.good()).await;
    assert_eq!((answer.status, answer.left()), (200, 1), "it is still good");
    desk.advance(1);
    let answer = agent.ask(&agent.good()).await;
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(
        answer.body.contains("acme did not answer") && !answer.body.contains("canary"),
        "{}",
        answer.body
    );
    cloud("agent-down").go_down(false);
    desk.advance(60);
    assert_eq!(agent.ask(&agent.good()).await.status, 200);
    cloud("agent-down").refuse(true);
    desk.advance(4000);
    assert_eq!(agent.ask(&agent.good()).await.status, 403, "the provider says no");
}

/// Both wait for each other, as no two do that are issued for one after the other.
#[tokio::test]
async fn where_nobody_can_be_asked_all_bindings_are_issued_for_at_once() {
    let desk = Desk::new("agent-at-once").await;
    register(&desk.hub, "b", "agent-at-once-too").await;
    desk.advance(4000);
    let barrier = Arc::new(Barrier::new(2));
    for account in ["agent-at-once", "agent-at-once-too"] {
        *cloud(account).barrier.lock().expect("not poisoned") = Some(Arc::clone(&barrier));
    }
    let bindings = [ONE, "b=acme-box:box:two"];
    let agent = soon("both", desk.try_start(&bindings, desk.options())).await.expect("it starts");
    let served: Vec<_> = agent.served().iter().map(|it| it.binding().to_string()).collect();
    assert_eq!(served, bindings, "in their order");
}

/// Who is at the terminal until they leave.
#[derive(Clone)]
struct Somebody(Arc<AtomicBool>);

#[async_trait]
impl Person for Somebody {
    async fn ask(&self, _: &str) -> Result<Secret> {
        Err(Error::refused("nobody asks"))
    }

    async fn tell(&self, _: &str) -> Result<()> {
        Ok(())
    }

    fn is_there(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// SDKs ask again at once, and three times or more: their provider is asked once in 15 seconds. Somebody who was there
/// when the agent started makes no difference; while they are, they may just have mended it.
#[tokio::test]
async fn a_wrong_permission_costs_its_provider_one_call_and_not_one_per_request() {
    for leaves in [true, false] {
        let account = if leaves { "agent-denied" } else { "agent-mended" };
        let desk = Desk::new(account).await;
        let is_there = Arc::new(AtomicBool::new(true));
        let context = desk.hub.context().with_person(Somebody(Arc::clone(&is_there)));
        let hub = acme::hub_in(desk.home.path(), context).await;
        let agent = Agent::start(&hub, vec![ONE.parse().expect("a binding")], desk.options()).await;
        let agent = Running::of(agent.expect("it starts"));
        is_there.store(!leaves, Ordering::SeqCst);
        cloud(account).refuse(true);
        desk.advance(4000);
        let before = cloud(account).logins();
        for round in 1..=2 {
            for _ in 0..5 {
                let answer = agent.ask(&agent.good()).await;
                assert!(answer.status == 403 && answer.body.contains("the key is wrong"), "{}", answer.body);
                desk.advance(1);
            }
            assert_eq!(cloud(account).logins(), before + if leaves { round } else { 5 * round });
            desk.advance(15);
        }
        cloud(account).refuse(false);
        assert_eq!(agent.ask(&agent.good()).await.status, 200);
    }
}

/// C27: one port is one identity. What a binding leaves open is settled at the start, and is asked of nobody again.
#[tokio::test]
async fn c27_what_a_binding_leaves_open_stays_what_it_was_at_the_start() {
    let desk = Desk::new("agent-left-open").await;
    let boxes = |boxes: &[&'static str]| {
        *cloud("agent-left-open").boxes.lock().expect("not poisoned") = boxes.to_vec();
    };
    boxes(&["box:one"]);
    let agent = desk.start(&["a=acme-box:box:"]).await;
    assert_eq!(agent.served[0].resource(), ("acme-box", "box:one"));
    for later in [&["box:one", "box:two"][..], &["box:two"]] {
        boxes(later);
        let answer = agent.ask(&agent.good()).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    let records = desk.hub.store().audit_list(&audit::Filter::default(), 100).await.expect("readable");
    assert!(records.iter().all(|it| it.resource_id.as_deref() != Some("box:two")), "{records:?}");
}

/// S68: what is disabled or deleted is answered for no longer, though the agent runs on.
#[tokio::test]
async fn s68_a_connector_that_is_disabled_or_deleted_bites_at_once() {
    let desk = Desk::new("agent-bites").await;
    let agent = desk.start(&[ONE]).await;
    assert_eq!(agent.ask(&agent.good()).await.status, 200);
    desk.hub.set_enabled("a", false).await.expect("disabled");
    let answer = agent.ask(&agent.good()).await;
    assert!(answer.status == 403 && answer.body.contains("is disabled"), "{}", answer.body);
    desk.hub.set_enabled("a", true).await.expect("enabled");
    assert_eq!(agent.ask(&agent.good()).await.status, 200);
    // By another process.
    let other = crate::acme::hub(desk.home.path(), &desk.clock).await;
    other.delete("a", false).await.expect("deleted");
    let answer = agent.ask(&agent.good()).await;
    assert!(answer.status == 404 && answer.body.contains("no connector"), "{}", answer.body);
}

/// A provider that hangs holds up those who wait for it, and nobody else; who gives up and asks again finds the call that
/// he began.
#[tokio::test]
async fn a_hanging_provider_holds_up_nobody_else_and_an_abandoned_call_goes_on() {
    let desk = Desk::new("agent-hangs").await;
    register(&desk.hub, "b", "agent-hangs-not").await;
    let agent = desk.start(&[ONE, "b=acme-box:box:two"]).await;
    desk.advance(4000);
    let (hangs, before) = (cloud("agent-hangs"), cloud("agent-hangs").logins());
    let barrier = Arc::new(Barrier::new(2));
    *hangs.barrier.lock().expect("not poisoned") = Some(Arc::clone(&barrier));
    let mut first = TcpStream::connect(agent.address()).await.expect("a connection");
    first.write_all(agent.good().as_bytes()).await.expect("a request");
    until("the call", || hangs.logins() == before + 1).await;
    let other = &agent.served[1];
    let address = other.authority().parse().expect("an address");
    assert_eq!(ask(address, &keys(other.authority(), &token(other))).await.status, 200);
    drop(first);
    super::settle().await;
    // He asks again.
    let mut second = TcpStream::connect(agent.address()).await.expect("a connection");
    second.write_all(agent.good().as_bytes()).await.expect("a request");
    super::settle().await;
    soon("the call is there", barrier.wait()).await;
    assert_eq!(soon("an answer", read(&mut second, false)).await.status, 200);
    assert_eq!(hangs.logins(), before + 1, "one call, which nobody broke off");
    *hangs.barrier.lock().expect("not poisoned") = None;
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_any_more_is_answered_from_the_next_time() {
    let desk = Desk::new("agent-leaves").await;
    let agent = desk.start(&[ONE]).await;
    desk.advance(4000);
    let (cloud, before) = (cloud("agent-leaves"), cloud("agent-leaves").logins());
    let barrier = Arc::new(Barrier::new(2));
    *cloud.barrier.lock().expect("not poisoned") = Some(Arc::clone(&barrier));
    let mut stream = TcpStream::connect(agent.address()).await.expect("a connection");
    stream.write_all(agent.good().as_bytes()).await.expect("a request");
    until("the call", || cloud.logins() == before + 1).await;
    drop(stream);
    super::settle().await;
    soon("the call is there", barrier.wait()).await;
    assert_eq!(soon("an answer", agent.ask(&agent.good())).await.status, 200);
    assert_eq!(cloud.logins(), before + 1);
}

#[tokio::test]
async fn a_connector_that_panics_takes_one_request_with_it() {
    let desk = Desk::new("agent-panics").await;
    let agent = desk.start(&[ONE]).await;
    desk.advance(4000);
    cloud("agent-panics").panics.store(true, std::sync::atomic::Ordering::SeqCst);
    let answer = agent.ask(&agent.good()).await;
    assert!(answer.status == 500 && !answer.body.contains("fault in"), "{}", answer.body);
    cloud("agent-panics").panics.store(false, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(agent.ask(&agent.good()).await.status, 200);
}

/// S31, C9: what is long-lived is nowhere: not in an answer, a file, a variable, an error or a `Debug`.
#[tokio::test]
async fn s31_c9_nothing_long_lived_and_no_token_is_shown() {
    let desk = Desk::new("agent-canaries").await;
    let agent = desk.try_start(&[ONE], desk.options()).await.expect("it starts");
    let served = agent.served().to_vec();
    let session = everything_in(served[0].directory());
    let mut shown = format!("{agent:?} {served:?}");
    for (name, value) in &served[0].set_up().set {
        shown.push_str(&format!(" {name}={}", value.expose()));
    }
    let agent = Running::of(agent);
    let own = agent.token();
    for request in [agent.good(), agent.good().replace("/keys", "/x"), agent.good().replace(&own, "x")] {
        shown.push_str(&agent.ask(&request).await.body);
    }
    cloud("agent-canaries").refuse(true);
    desk.advance(4000);
    shown.push_str(&agent.ask(&agent.good()).await.body);
    for secret in [KEY, "kept-canary", "canary", own.as_str()] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    assert!(session.contains(&own) && !session.contains("canary") && !session.contains("token-for"));
}

/// What is on its way when the agent is told to stop is answered; nothing else is.
#[tokio::test]
async fn an_agent_that_stops_answers_what_was_asked_before() {
    let desk = Desk::new("agent-stops").await;
    let agent = desk.start(&[ONE]).await;
    desk.advance(4000);
    let (cloud, before) = (cloud("agent-stops"), cloud("agent-stops").logins());
    let barrier = Arc::new(Barrier::new(2));
    *cloud.barrier.lock().expect("not poisoned") = Some(Arc::clone(&barrier));
    let (address, directory) = (agent.address(), agent.served[0].directory().to_owned());
    let mut idle = TcpStream::connect(address).await.expect("a connection");
    let mut asked = TcpStream::connect(address).await.expect("a connection");
    asked.write_all(agent.good().as_bytes()).await.expect("a request");
    until("the call", || cloud.logins() == before + 1).await;
    let (answer, stopped, ()) = tokio::join!(read(&mut asked, false), agent.stop(), async {
        let sent_away = soon("its end", read(&mut idle, false)).await;
        assert_eq!(sent_away.status, 0, "who asks nothing is sent away at once");
        assert!(TcpStream::connect(address).await.is_err(), "nobody is let in any more");
        soon("the call is there", barrier.wait()).await;
    });
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    stopped.expect("it stops");
    assert!(!directory.exists());
}

#[tokio::test]
async fn an_agent_that_stops_does_not_wait_for_a_provider_that_hangs() {
    let desk = Desk::new("agent-stuck").await;
    let agent = desk.start(&[ONE]).await;
    desk.advance(4000);
    let (cloud, before) = (cloud("agent-stuck"), cloud("agent-stuck").logins());
    *cloud.barrier.lock().expect("not poisoned") = Some(Arc::new(Barrier::new(2)));
    let mut asked = TcpStream::connect(agent.address()).await.expect("a connection");
    asked.write_all(agent.good().as_bytes()).await.expect("a request");
    until("the call", || cloud.logins() == before + 1).await;
    let passing = async {
        for _ in 0..100 {
            super::settle().await;
            desk.advance(1);
        }
    };
    let stopped = match select(pin!(agent.stop()), pin!(passing)).await {
        Either::Left((stopped, _)) => stopped,
        Either::Right(_) => panic!("it never stops"),
    };
    stopped.expect("it stops");
    assert_eq!(read(&mut asked, false).await.status, 0);
}
