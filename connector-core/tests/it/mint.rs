//! Minting: switches, the audit before the release, and who is asked.

use std::collections::HashMap;

use connector_core::{Command, Commands, ErrorKind, Output, Result, Secret, Terms, async_trait};

use crate::acme::{Ambient, Bucket, CANARY, Login, Role, Someone, World, poll_once, shown};

#[tokio::test]
async fn c22_a_credential_that_cannot_be_recorded_is_not_released() -> Result<()> {
    let world = World::default();
    let handle = world.connector(Role::with_key()).resource::<Bucket>("acme://data").await?;
    world.journal.break_down(true);
    let error = handle.issue().await.expect_err("the audit is down");
    assert_eq!((error.kind(), error.message()), (ErrorKind::Store, "the audit cannot be written"));
    assert!(handle.source().cached().is_none());
    world.journal.break_down(false);
    handle.issue().await?;
    assert_eq!(world.journal.lines().len(), 1);
    Ok(())
}

#[tokio::test]
async fn c22_the_record_comes_before_the_release_and_says_who_what_and_until_when() -> Result<()> {
    let mut world = World::default();
    world.cx = world.cx.with_caller("ada");
    let handle = world.connector(Role::with_key()).resource::<Bucket>("acme://data/in").await?;
    world.journal.hold();
    let mut issuing = Box::pin(handle.issue());
    assert!(poll_once(&mut issuing).is_none());
    assert_eq!(world.cloud.calls().len(), 1);
    assert!(handle.source().cached().is_none());
    world.journal.release();
    issuing.await?;
    let line = "ada acme-keys acme://data in read 1h narrowed=true (a session policy) long_lived=false";
    assert_eq!(world.journal.lines(), [line]);
    // What comes from the cache is no mint.
    handle.issue().await?;
    assert_eq!(world.journal.lines().len(), 1);
    Ok(())
}

#[tokio::test]
async fn s40_c19_an_implicit_method_looks_at_nothing_while_the_switch_is_off() -> Result<()> {
    let mut world = World::default();
    let token = HashMap::from([("ACME_TOKEN".to_owned(), CANARY.to_owned())]);
    world.cx = world.cx.with_environment(token);
    let off = world.connector(Ambient::default());
    for error in
        [off.session().await.map(drop), off.resource::<Bucket>("acme://data").await?.issue().await.map(drop)]
    {
        let error = error.expect_err("the switch is off");
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.hint().is_some_and(|it| it.contains("CONNECTOR_ENABLE_IMPLICIT_AUTH_METHODS=true")));
    }
    world.cx = world.cx.with_implicit(true);
    world.connector(Ambient::default()).resource::<Bucket>("acme://data").await?.issue().await?;
    Ok(())
}

#[tokio::test]
async fn what_is_not_configured_is_told_from_what_is_refused() {
    let world = World::default();
    let cx = world.cx.with_implicit(true);
    let connector = connector_core::Connector::new(cx, Ambient::default());
    let error = connector.session().await.expect_err("nothing is there");
    assert!(error.is_not_configured());
}

/// Prints a secret, and counts that it was run.
struct Printer;

#[async_trait]
impl Commands for Printer {
    async fn run(&self, _: Command) -> Result<Output> {
        Ok(Output::new(CANARY.into()))
    }
}

#[tokio::test]
async fn a_program_runs_only_where_the_connector_allows_it() -> Result<()> {
    let world = World::default();
    let environment = HashMap::from([("ACME_TOKEN".to_owned(), CANARY.to_owned())]);
    let cx = world.cx.with_implicit(true).with_commands(Printer).with_environment(environment);
    let program = || Ambient { program: Some("acme-login".into()) };
    let error =
        connector_core::Connector::new(cx.clone(), program()).session().await.expect_err("not allowed");
    assert_eq!((error.kind(), error.message()), (ErrorKind::Refused, "running `acme-login` is switched off"));
    assert!(error.hint().is_some_and(|it| it.contains("--allow exec")));
    let terms = Terms::default().with_allow(connector_core::Allow::Exec);
    connector_core::Connector::with_terms(cx, program(), terms).session().await?;
    Ok(())
}

#[tokio::test]
async fn a_code_is_asked_of_a_person_and_refused_where_nobody_is() -> Result<()> {
    let mut world = World::default();
    let role = || Role { mfa_serial: Some("phone".into()), ..Role::with_key() };
    let error = world.connector(role()).session().await.expect_err("nobody is there");
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::Refused, "nobody is there to be asked for the code of phone")
    );
    assert_eq!(world.cloud.calls(), [""; 0]);
    world.cx = world.cx.with_person(Someone);
    world.connector(role()).session().await?;
    Ok(())
}

#[tokio::test]
async fn s31_no_secret_shows_in_anything_that_prints_itself() -> Result<()> {
    let world = World::default();
    let connector = world.connector(Login::new());
    let handle = connector.resource::<Bucket>("acme://data").await?;
    let issued = handle.issue().await?;
    let envelope = handle.envelope().await?;
    let everything = format!(
        "{:?} {connector:?} {handle:?} {issued:?} {envelope:?} {:?} {:?} {:?} {:?} {:?}",
        world.cx,
        handle.source(),
        envelope.fields,
        connector.session().await?,
        Secret::new(CANARY),
        Output::new(CANARY.into()),
    );
    crate::acme::assert_clean(&everything);
    world.cloud.break_down(true);
    world.pass(200_000);
    shown(&handle.issue().await.expect_err("acme is down"));
    Ok(())
}
