//! Where an agent listens, and what it leaves on the disk.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use connector_core::ErrorKind;
use connectors::agent::{Agent, Binding};

use super::{Desk, ONE, Running, ask, keys, token};
use crate::acme::{cloud, register};

/// What lies there of sessions: the directories and their marks.
fn left(directory: &Path) -> Vec<String> {
    let names = fs::read_dir(directory).map(|all| all.flatten().map(|it| it.file_name()));
    let names = names.into_iter().flatten().filter_map(|it| it.into_string().ok());
    let mut names: Vec<_> = names.filter(|it| it != "lock" && it != "connector-session.lock").collect();
    names.sort_unstable();
    names
}

/// C8, C21: 256 bits of the system's generator, in a file that holds nothing else and that nobody else reads.
#[tokio::test]
async fn c8_c21_a_session_is_private_and_its_token_random() {
    let desk = Desk::new("agent-session").await;
    let agent = desk.start(&[ONE, ONE]).await;
    let mut tokens = Vec::new();
    for served in &agent.served {
        let token = token(served);
        assert!(token.len() == 64 && token.bytes().all(|it| it.is_ascii_hexdigit()), "no end of a line");
        tokens.push(token);
        let profile =
            fs::read_to_string(served.directory().join("acme-profile")).expect("the protocol's file");
        assert_eq!(profile, "[none]\n");
        assert_eq!(served.directory().parent(), Some(&*desk.sessions()));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |it: &Path| fs::metadata(it).expect("there").permissions().mode() & 0o777;
            assert_eq!((mode(&desk.sessions()), mode(served.directory())), (0o700, 0o700));
            for file in fs::read_dir(served.directory()).expect("listed").flatten() {
                assert_eq!(mode(&file.path()), 0o600, "{:?}", file.file_name());
            }
        }
        let set: Vec<_> = served.set_up().set.iter().map(|(name, it)| (name.as_str(), it.expose())).collect();
        let (url, file) = (format!("http://{}/keys", served.authority()), served.directory().join("token"));
        let file = file.to_str().expect("text");
        assert_eq!(set, [("ACME_KEYS", url.as_str()), ("ACME_TOKEN_FILE", file)]);
        assert_eq!(served.set_up().unset, ["ACME_HOST", "ACME_TOKEN"]);
        assert_eq!(served.binding(), &ONE.parse::<Binding>().expect("a binding"));
    }
    assert_ne!(tokens[0], tokens[1]);
    agent.stop().await.expect("it stops");
    assert_eq!(left(&desk.sessions()), [""; 0]);
}

/// Containers mount a directory before there is an agent, and go on with the next one.
#[tokio::test]
async fn a_directory_that_was_said_beforehand_stays_and_is_emptied() {
    let desk = Desk::new("agent-session-said").await;
    let place = desk.sessions().with_file_name("said");
    let options = || desk.options().with_session(&place);
    let agent = desk.try_start(&[ONE], options()).await.expect("it starts");
    assert_eq!(agent.served()[0].directory(), place);
    let first = token(&agent.served()[0]);
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(&fs::metadata(&place).expect("there"));

    let error = desk.try_start(&[ONE], options()).await.expect_err("one at a time");
    assert!(error.message().starts_with("another agent has its session in"), "{error}");
    let error = desk.try_start(&[ONE, ONE], options()).await.expect_err("one binding");
    assert_eq!(error.field_problems()[0].field, "session", "{error}");
    drop(agent);
    assert_eq!(left(&place), [""; 0]);

    // What a killed one leaves, the next one takes away.
    fs::write(place.join("token"), "old").expect("written");
    let agent = desk.try_start(&[ONE], options()).await.expect("it starts again");
    assert_ne!(token(&agent.served()[0]), first);
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::MetadataExt::ino(&fs::metadata(&place).expect("there")), inode);
    drop(agent);

    let home = desk.sessions().with_file_name("home");
    fs::create_dir(&home).expect("made");
    #[cfg(unix)]
    fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("closed");
    fs::write(home.join("thesis"), "of mine").expect("written");
    // Nor does a file by which others, the store among them, keep each other out make it one.
    fs::write(home.join("lock"), "").expect("written");
    let error = desk.try_start(&[ONE], desk.options().with_session(&home)).await.expect_err("somebody's");
    assert!(error.message().contains("holds what is no session"), "{error}");
    assert_eq!(fs::read_to_string(home.join("thesis")).expect("there"), "of mine");
    let running = desk.start(&[ONE]).await;
    for taken in [desk.home.path().to_owned(), desk.sessions()] {
        #[cfg(unix)]
        fs::set_permissions(&taken, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("closed");
        let error = desk.try_start(&[ONE], desk.options().with_session(&taken)).await.expect_err("in use");
        assert!(error.message().contains("holds what is no session"), "{error}");
    }
    assert_eq!(running.ask(&running.good()).await.status, 200);
}

/// C21: what stands in the place of a session's directory at its end is not emptied.
#[cfg(unix)]
#[tokio::test]
async fn c21_a_link_in_the_place_of_a_session_leads_nobody_elsewhere() {
    let desk = Desk::new("agent-session-link").await;
    let (place, mine) = (desk.sessions().with_file_name("said"), desk.sessions().with_file_name("mine"));
    fs::create_dir(&mine).expect("made");
    fs::write(mine.join("thesis"), "of mine").expect("written");
    for options in [desk.options().with_session(&place), desk.options()] {
        let agent = desk.try_start(&[ONE], options).await.expect("it starts");
        let directory = agent.served()[0].directory().to_owned();
        fs::rename(&directory, desk.sessions().with_file_name("away")).expect("moved");
        std::os::unix::fs::symlink(&mine, &directory).expect("linked");
        let _ = agent.run(std::future::ready(())).await;
        assert_eq!(fs::read_to_string(mine.join("thesis")).expect("there"), "of mine");
        let _ = fs::remove_file(&directory);
        fs::remove_dir_all(desk.sessions().with_file_name("away")).expect("removed");
    }
}

#[tokio::test]
async fn an_agent_that_is_dropped_leaves_nothing() {
    let desk = Desk::new("agent-dropped").await;
    let agent = desk.try_start(&[ONE], desk.options()).await.expect("it starts");
    assert_eq!(left(&desk.sessions()).len(), 2, "a directory and its mark");
    let address: SocketAddr = agent.served()[0].authority().parse().expect("an address");
    drop(agent);
    assert_eq!(left(&desk.sessions()), [""; 0]);
    TcpListener::bind(address).expect("the port is free again");
    // While it runs, too.
    let agent = desk.start(&[ONE]).await;
    super::settle().await;
    agent.task.abort();
    assert!(agent.task.await.expect_err("aborted").is_cancelled());
    assert_eq!(left(&desk.sessions()), [""; 0]);
}

/// What one that was killed left is swept by the next; what one that lives needs, and what is none of ours, stays.
#[tokio::test]
async fn what_a_killed_agent_left_is_swept_and_nothing_else() {
    let desk = Desk::new("agent-swept").await;
    let living = desk.start(&[ONE]).await;
    let dead = "0123456789abcdef0123456789abcdef";
    for name in [dead, "11112222333344445555666677778888"] {
        fs::create_dir(desk.sessions().join(name)).expect("made");
        fs::write(desk.sessions().join(name).join("token"), "old").expect("written");
    }
    fs::write(desk.sessions().join(format!("{dead}.lock")), "").expect("written");
    fs::write(desk.sessions().join("22223333444455556666777788889999.lock"), "").expect("written");
    fs::create_dir(desk.sessions().join("mine")).expect("made");
    let elsewhere = desk.home.path().join("elsewhere");
    fs::create_dir(&elsewhere).expect("made");
    fs::write(elsewhere.join("file"), "kept").expect("written");
    #[cfg(unix)]
    std::os::unix::fs::symlink(&elsewhere, desk.sessions().join("33334444555566667777888899990000"))
        .expect("linked");
    let next = desk.start(&[ONE]).await;
    let mut expected = vec!["mine".to_owned()];
    for agent in [&living, &next] {
        let name = agent.served[0].directory().file_name().expect("a name").to_string_lossy().into_owned();
        expected.extend([format!("{name}.lock"), name]);
    }
    expected.sort_unstable();
    assert_eq!(left(&desk.sessions()), expected);
    assert_eq!(fs::read_to_string(elsewhere.join("file")).expect("kept"), "kept");
    assert_eq!(living.ask(&living.good()).await.status, 200);
}

/// Runs an agent until it is killed, where the test below started this program for that.
#[tokio::test]
#[ignore = "run by the test of a killed agent"]
async fn an_agent_to_be_killed() {
    let mut home = String::new();
    std::io::stdin().read_line(&mut home).expect("where to run");
    if home.trim().is_empty() {
        return;
    }
    let clock = connector_core::VirtualClock::default();
    let hub = crate::acme::hub(Path::new(home.trim()), &clock).await;
    let options = connectors::agent::Options::new(Path::new(home.trim()).join("agent"));
    let bindings = vec![ONE.parse().expect("a binding")];
    let agent = Agent::start(&hub, bindings, options).await.expect("it starts");
    println!("\nserved at {}", agent.served()[0].authority());
    agent.run(std::future::pending()).await.expect("it is killed before");
}

/// No agent outlives its kill, and its session is swept by the next one.
#[tokio::test]
async fn a_killed_agent_answers_no_more_and_is_swept() {
    use std::io::{BufRead, BufReader, Write};
    use std::process::{Command, Stdio};

    let desk = Desk::new("agent-killed").await;
    #[expect(clippy::disallowed_methods, reason = "an agent has to be killed, and not this test")]
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--ignored", "--exact", "--nocapture", "agent::sessions::an_agent_to_be_killed"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("piped");
    writeln!(stdin, "{}", desk.home.path().display()).expect("told");
    let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let address = lines.map_while(Result::ok).find_map(|it| it.strip_prefix("served at ").map(str::to_owned));
    let address = address.expect("it is served");
    let names = left(&desk.sessions());
    assert_eq!(names.len(), 2);
    let token = fs::read_to_string(desk.sessions().join(&names[0]).join("token")).expect("a token");
    let request = keys(&address, &token);
    let address: SocketAddr = address.parse().expect("an address");
    assert_eq!(ask(address, &request).await.status, 200);
    child.kill().expect("killed");
    child.wait().expect("gone");
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    assert_eq!(left(&desk.sessions()), names, "it had no time to tidy up");
    let next = desk.start(&[ONE]).await;
    assert!(left(&desk.sessions()).iter().all(|it| !names.contains(it)));
    drop(next);
}

#[tokio::test]
async fn c21_a_place_that_is_open_to_others_is_refused() {
    let desk = Desk::new("agent-place").await;
    let error =
        desk.try_start(&[ONE], connectors::agent::Options::new("agent")).await.expect_err("not absolute");
    assert_eq!(error.field_problems()[0].field, "directory");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::create_dir(desk.sessions()).expect("made");
        fs::set_permissions(desk.sessions(), fs::Permissions::from_mode(0o750)).expect("opened");
        let error = desk.try_start(&[ONE], desk.options()).await.expect_err("open");
        assert!(error.message().contains("is open to other users"), "{error}");
        assert!(error.hint().expect("a fix").contains("chmod 700"));
        fs::remove_dir(desk.sessions()).expect("removed");
        let elsewhere = desk.home.path().join("elsewhere");
        fs::create_dir(&elsewhere).expect("made");
        std::os::unix::fs::symlink(&elsewhere, desk.sessions()).expect("linked");
        assert!(desk.try_start(&[ONE], desk.options()).await.is_err(), "a link may lead elsewhere tomorrow");
    }
}

/// C21: foreign addresses are refused at the start, and a taken port by name, with the fix; nothing stays behind.
#[tokio::test]
async fn c21_what_cannot_be_listened_on_is_named() {
    let desk = Desk::new("agent-ports").await;
    register(&desk.hub, "b", "agent-ports").await;
    let before = cloud("agent-ports").logins();
    for address in ["0.0.0.0:0", "192.0.2.1:80", "[::]:0"] {
        let options = desk.options().with_listen(address.parse().expect("an address"));
        let error = desk.try_start(&[ONE], options).await.expect_err(address);
        assert_eq!(error.field_problems()[0].field, "listen", "{error}");
        assert!(error.hint().expect("a fix").contains("127.0.0.1"), "{error}");
    }
    assert_eq!(cloud("agent-ports").logins(), before, "before anything is issued");
    // The second port of two is taken: the first one is not kept either.
    let (first, taken) = loop {
        let first = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
        let next = SocketAddr::new(first.ip(), first.port().wrapping_add(1));
        if let Ok(taken) = TcpListener::bind(next) {
            break (first, taken);
        }
    };
    let options = desk.options().with_listen(first);
    let error = desk.try_start(&[ONE, "b"], options).await.expect_err("b names no box");
    assert_eq!(error.connector(), Some("b"), "{error}");
    let options = desk.options().with_listen(first);
    let error = desk.try_start(&[ONE, "b=acme-box:two"], options).await.expect_err("taken");
    let taken_at = taken.local_addr().expect("an address");
    assert_eq!(error.message(), format!("listen: {taken_at} is taken"));
    assert!(error.hint().expect("a fix").contains("another port"));
    assert_eq!(left(&desk.sessions()), [""; 0]);
    drop(taken);
    let options = desk.options().with_listen(first);
    let agent = desk.try_start(&[ONE, "b=acme-box:two"], options).await.expect("both are free");
    let ports: Vec<_> = agent.served().iter().map(|it| it.authority().to_owned()).collect();
    assert_eq!(ports, [first.to_string(), taken_at.to_string()]);
}

#[tokio::test]
async fn sockets_that_were_passed_in_are_served_in_their_order() {
    let desk = Desk::new("agent-sockets").await;
    let sockets =
        || -> Vec<_> { (0..2).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect() };
    let passed = sockets();
    let addresses: Vec<_> =
        passed.iter().map(|it| it.local_addr().expect("an address").to_string()).collect();
    let agent = desk.try_start(&[ONE, ONE], desk.options().with_sockets(passed)).await.expect("it starts");
    let agent = Running::of(agent);
    let served: Vec<_> = agent.served.iter().map(|it| it.authority().to_owned()).collect();
    assert_eq!(served, addresses);
    assert_eq!(agent.ask(&agent.good()).await.status, 200);
    let error =
        desk.try_start(&[ONE], desk.options().with_sockets(sockets())).await.expect_err("one too many");
    assert!(error.message().contains("2 sockets") && error.hint().is_some(), "{error}");
    let open = vec![TcpListener::bind("0.0.0.0:0").expect("a port")];
    let error =
        desk.try_start(&[ONE], desk.options().with_sockets(open)).await.expect_err("open to the network");
    assert_eq!(error.field_problems()[0].field, "listen");
}

#[tokio::test]
async fn protocols_are_chosen_by_name_and_serve_one_session_together() {
    let desk = Desk::new("agent-protocols").await;
    let options = desk.options().with_protocols(["acme-keys", "nothing"]);
    let error = desk.try_start(&[ONE], options).await.expect_err("no such protocol");
    assert_eq!(error.field_problems()[0].field, "protocol");
    assert!(error.message().contains("acme-form, acme-keys, acme-open"), "{error}");
    let agent = desk.start_with(&["acme-open", "acme-keys", "acme-form"]).await;
    let served = &agent.served[0];
    let about: Vec<_> = served.protocols().iter().map(|it| (it.id, it.has_secret)).collect();
    assert_eq!(about, [("acme-open", false), ("acme-keys", true), ("acme-form", true)]);
    let names: Vec<_> = served.set_up().set.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["ACME_HOST", "ACME_KEYS", "ACME_TOKEN_FILE", "ACME_EXCHANGE"]);
    assert_eq!(served.set_up().unset, ["ACME_TOKEN"], "what one of them sets no other takes away");
    assert_eq!(agent.ask(&agent.good()).await.status, 200);
}

/// An agent that cannot issue does not start, and says for whom.
#[tokio::test]
async fn an_agent_that_cannot_issue_does_not_start() {
    let desk = Desk::new("agent-cannot").await;
    let error = desk.try_start(&[ONE, "nobody"], desk.options()).await.expect_err("no such connector");
    assert_eq!((error.kind(), error.connector()), (ErrorKind::NotFound, Some("nobody")));
    assert_eq!(error.message(), "`nobody` cannot be served", "of two it says which");
    assert!(error.causes()[0].contains("no connector `nobody`"), "{error:?}");
    cloud("agent-cannot").refuse(true);
    desk.advance(4000);
    let error = desk.try_start(&[ONE], desk.options()).await.expect_err("refused");
    assert_eq!((error.kind(), error.connector()), (ErrorKind::Refused, Some("a")));
    assert!(!format!("{error:?} {error}").contains("canary"));
    assert!(desk.try_start(&[], desk.options()).await.is_err());
    assert!(!desk.sessions().exists());
}
