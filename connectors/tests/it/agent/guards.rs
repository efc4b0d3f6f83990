//! Who is let in, and who is not.

use super::{Desk, ONE, keys, token};

/// C21, S32: who does everything right gets what ends, and nothing keeps the answer or tells who gave it.
#[tokio::test]
async fn c21_s32_who_shows_the_token_is_answered() {
    let desk = Desk::new("agent-answers").await;
    let agent = desk.start(&[ONE]).await;
    let answer = agent.ask(&agent.good()).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    assert!(answer.body.contains("token/") && answer.left() > 3000, "{}", answer.body);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-acme"), Some("yes"));
    assert!(answer.header("date").is_some());
    for never in ["server", "access-control-allow-origin", "set-cookie"] {
        assert_eq!(answer.header(never), None, "{never}");
    }
    agent.stop().await.expect("it stops");
}

/// C7, C21: what is not the whole token, once and in its own place, is none.
#[tokio::test]
async fn c7_c21_nothing_but_the_whole_token_once_is_one() {
    let desk = Desk::new("agent-tokens").await;
    let agent = desk.start(&[ONE]).await;
    let (host, token) = (format!("Host: {}", agent.authority()), agent.token());
    let line = |it: &str| format!("x-acme-token: {it}");
    let swapped: String = token.chars().rev().collect();
    let wrong = [
        vec![],
        vec![line("")],
        vec![line(&token[..token.len() - 1])],
        vec![line(&format!("{token}0"))],
        vec![line(&token.to_uppercase().replace(|it: char| it.is_ascii_digit(), "A"))],
        vec![line(&swapped)],
        vec![line(&format!("Bearer {token}"))],
        vec![line(&format!("{token},{token}"))],
        vec![line(&token), line(&token)],
        vec![line(&token), line("other")],
        vec![format!("authorization: {token}")],
        vec![format!("cookie: x-acme-token={token}")],
    ];
    for lines in wrong {
        let mut all = vec![host.as_str()];
        all.extend(lines.iter().map(String::as_str));
        let request = format!("GET /keys HTTP/1.1\r\n{}\r\n\r\n", all.join("\r\n"));
        let answer = agent.ask(&request).await;
        assert_eq!(answer.status, 401, "{lines:?}");
        assert!(!answer.body.contains(&token) && !answer.body.contains("token-for"), "{}", answer.body);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let in_query = format!("/keys?x-acme-token={token}");
    assert_eq!(agent.status("GET", &in_query, &[&host]).await, 401);
    assert_eq!(agent.ask(&agent.good()).await.status, 200);
}

/// C21: a page elsewhere whose name leads to this machine says its own name.
#[tokio::test]
async fn c21_only_the_endpoints_own_address_is_its_name() {
    let desk = Desk::new("agent-hosts").await;
    let agent = desk.start_with(&["acme-keys", "acme-open"]).await;
    let (authority, port) = (agent.authority().to_owned(), agent.address().port());
    let token = format!("X-Acme-Token: {}", agent.token());
    let metadata = "metadata.google.internal".to_owned();
    for (host, keys, open) in [
        (authority.clone(), 200, 200),
        (format!("localhost:{port}"), 200, 200),
        (format!("LocalHost:{port}"), 200, 200),
        (metadata.clone(), 421, 200),
        (format!("{metadata}:{port}"), 421, 200),
        (format!("{metadata}:1"), 421, 421),
        (format!("x{metadata}"), 421, 421),
        (format!("{metadata}.example.com"), 421, 421),
        ("127.0.0.1".to_owned(), 421, 421),
        ("localhost".to_owned(), 421, 421),
        (format!("127.0.0.1:{}", port ^ 1), 421, 421),
        (format!("[::1]:{port}"), 421, 421),
        (format!("127.1:{port}"), 421, 421),
        (format!("evil.example.com:{port}"), 421, 421),
        (format!("127.0.0.1.nip.io:{port}"), 421, 421),
        (format!("{authority}, {authority}"), 421, 421),
        (format!("user@{authority}"), 421, 421),
        (String::new(), 421, 421),
    ] {
        let line = format!("Host: {host}");
        assert_eq!(agent.status("GET", "/keys", &[&line, &token]).await, keys, "{host}");
        assert_eq!(agent.status("GET", "/open/x", &[&line, "Acme-Flavor: acme"]).await, open, "{host}");
    }
    // None, two, and one of another version or form of request.
    let host = format!("Host: {authority}");
    assert_eq!(agent.status("GET", "/keys", &[&token]).await, 421);
    assert_eq!(agent.status("GET", "/keys", &[&host, &host, &token]).await, 421);
    let old = |lines: &str| format!("GET /keys HTTP/1.0\r\n{lines}{token}\r\n\r\n");
    assert_eq!(agent.ask(&old("")).await.status, 421);
    assert_eq!(agent.ask(&old(&format!("{host}\r\n"))).await.status, 200);
    for (target, status) in [
        (format!("http://{authority}/keys"), 200),
        (format!("http://evil.example.com:{port}/keys"), 421),
        ("http://169.254.169.254/keys".to_owned(), 421),
    ] {
        assert_eq!(agent.status("GET", &target, &[&host, &token]).await, status, "{target}");
    }
}

/// C21: browsers and proxies are not answered, whatever else they show.
#[tokio::test]
async fn c21_browsers_and_proxies_are_not_answered() {
    let desk = Desk::new("agent-browsers").await;
    let agent = desk.start_with(&["acme-keys", "acme-open"]).await;
    let host = format!("Host: {}", agent.authority());
    let token = format!("X-Acme-Token: {}", agent.token());
    let own = format!("Origin: http://{}", agent.authority());
    for (line, status) in [
        ("Accept: */*", 200),
        ("Sec-Fetch-Site: none", 200),
        ("Origin: null", 403),
        ("Origin: https://evil.example.com", 403),
        (&own, 403),
        ("Referer: https://evil.example.com/", 403),
        ("Sec-Fetch-Site: cross-site", 403),
        ("Sec-Fetch-Site: same-site", 403),
        ("Sec-Fetch-Site: same-origin", 403),
        ("Sec-Fetch-Site: none\r\nSec-Fetch-Site: cross-site", 403),
        ("X-Forwarded-For: 127.0.0.1", 403),
        ("X-Forwarded-Host: localhost", 403),
        ("X-Forwarded-Proto: http", 403),
        ("X-Real-IP: 127.0.0.1", 403),
        ("Forwarded: for=127.0.0.1", 403),
        ("Via: 1.1 proxy", 403),
    ] {
        assert_eq!(agent.status("GET", "/keys", &[&host, &token, line]).await, status, "{line}");
        let open = agent.status("GET", "/open/x", &[&host, "Acme-Flavor: acme", line]).await;
        assert_eq!(open, status, "{line}");
    }
}

/// C21: a header that no page can set is the proof where there is no secret, and it has just one value.
#[tokio::test]
async fn c21_without_a_secret_the_header_is_required() {
    let desk = Desk::new("agent-open").await;
    let agent = desk.start_with(&["acme-open"]).await;
    let host = format!("Host: {}", agent.authority());
    let [protocol] = agent.served[0].protocols() else { panic!("one protocol") };
    assert_eq!((protocol.id, protocol.has_secret), ("acme-open", false));
    for (lines, status) in [
        (&["Acme-Flavor: acme"][..], 200),
        (&[], 403),
        (&["Acme-Flavor: other"], 403),
        (&["Acme-Flavor: acme", "Acme-Flavor: acme"], 403),
    ] {
        let mut all = vec![host.as_str()];
        all.extend(lines);
        assert_eq!(agent.status("GET", "/open/x", &all).await, status, "{lines:?}");
    }
}

#[tokio::test]
async fn c21_other_methods_and_paths_are_none() {
    let desk = Desk::new("agent-paths").await;
    let agent = desk.start_with(&["acme-keys", "acme-open"]).await;
    let (host, token) = (format!("Host: {}", agent.authority()), format!("X-Acme-Token: {}", agent.token()));
    for method in ["POST", "HEAD", "PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "get", "BREW"] {
        let request = format!("{method} /keys HTTP/1.1\r\n{host}\r\n{token}\r\nContent-Length: 0\r\n\r\n");
        let answer = agent.ask(&request).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET")), "{method}");
        assert!(!answer.head.to_ascii_lowercase().contains("access-control"), "{}", answer.head);
    }
    for path in [
        "/",
        "/other",
        "/keys/",
        "/keys/x",
        "//keys",
        "/./keys",
        "/x/../keys",
        "/%6beys",
        "/keys%00",
        "/keys%2f..",
        "/open/../keys",
        "/open/%2e%2e/keys",
        "/open/..%2fkeys",
        "/open/%2E/x",
        "/open/%252e",
        "/open//x",
        r"/open/..\keys",
        "/open/.",
        "/KEYS",
    ] {
        let status = agent.status("GET", path, &[&host, &token, "Acme-Flavor: acme"]).await;
        // A path that is none by HTTP itself does not get this far.
        assert!(matches!(status, 404 | 400), "{path}: {status}");
    }
    let encoded = agent.status("GET", "/open/me%40example.org", &[&host, "Acme-Flavor: acme"]).await;
    assert_eq!(encoded, 200, "what parts no path may be written as it likes");
    // Asked for what is served elsewhere, in the protocol's words.
    let status = agent.status("GET", "/keys?box=two", &[&host, &token]).await;
    assert_eq!(status, 400);
    assert_eq!(agent.status("GET", "/keys?box=one", &[&host, &token]).await, 200);
}

/// C21: a token in a form is looked for in the form alone.
#[tokio::test]
async fn c21_a_token_in_a_form_is_looked_for_there() {
    let desk = Desk::new("agent-forms").await;
    let agent = desk.start_with(&["acme-form"]).await;
    let (authority, token) = (agent.authority().to_owned(), agent.token());
    let form = |path: &str, body: &str| {
        let length = body.len();
        format!(
            "POST {path} HTTP/1.1\r\nHost: {authority}\r\nTicket: {token}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    };
    let in_query = format!("/exchange?ticket={token}");
    for (path, body, status) in [
        ("/exchange", format!("a=b&ticket={token}&c=d"), 200),
        ("/exchange", format!("ticket={}", &token[1..]), 401),
        ("/exchange", "ticket=".to_owned(), 401),
        ("/exchange", format!("ticket={token}&ticket={token}"), 401),
        ("/exchange", format!("ticket={token}&%74icket="), 401),
        ("/exchange", String::new(), 401),
        ("/exchange", "a".repeat(16 << 10), 401),
        (&in_query, String::new(), 401),
    ] {
        assert_eq!(agent.ask(&form(path, &body)).await.status, status, "{body:.80}");
    }
    let answer = agent.ask(&form("/keys", "")).await;
    assert_eq!(answer.status, 404, "a protocol that was not chosen is not served");
}

/// C21: one port is one identity.
#[tokio::test]
async fn c21_c27_endpoints_do_not_answer_each_others_token() {
    let desk = Desk::new("agent-first").await;
    crate::acme::register(&desk.hub, "b", "agent-second").await;
    let agent = desk.start(&[ONE, "b=acme-box:box:two@write"]).await;
    let [first, second] = agent.served.as_slice() else { panic!("two of them") };
    assert_ne!(token(first), token(second));
    for (served, own, scope) in [(first, first, "one::read"), (second, second, "two::write")] {
        let answer = super::ask(
            served.authority().parse().expect("an address"),
            &keys(served.authority(), &token(own)),
        )
        .await;
        assert!(answer.status == 200 && answer.body.contains(scope), "{}", answer.body);
    }
    for (served, other) in [(first, second), (second, first)] {
        let address = served.authority().parse().expect("an address");
        let answer = super::ask(address, &keys(served.authority(), &token(other))).await;
        assert_eq!(answer.status, 401);
        let answer = super::ask(address, &keys(other.authority(), &token(served))).await;
        assert_eq!(answer.status, 421);
    }
}
