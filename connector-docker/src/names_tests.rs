use super::*;

fn read(text: &str) -> Option<(String, Option<String>)> {
    let place: Place = text.parse().ok()?;
    Some((place.registry.to_string(), place.repository.map(|it| it.to_string())))
}

/// S16, catalogue §2: every spelling of one registry is one id.
#[test]
fn s16_spellings_of_registries_are_one_id() {
    for (text, registry, repository) in [
        ("docker.io", "docker.io", None),
        ("index.docker.io", "docker.io", None),
        ("registry-1.docker.io", "docker.io", None),
        ("https://index.docker.io/v1/", "docker.io", None),
        ("https://registry-1.docker.io/v2/", "docker.io", None),
        ("user/repo", "docker.io", Some("user/repo")),
        ("a/b/c", "docker.io", Some("a/b/c")),
        ("docker.io/alpine", "docker.io", Some("library/alpine")),
        ("docker.io/user/repo", "docker.io", Some("user/repo")),
        ("Registry.Example.ORG", "registry.example.org", None),
        ("https://registry.example.org/", "registry.example.org", None),
        ("registry.example.org:443/team/app", "registry.example.org:443", Some("team/app")),
        ("https://registry:5000", "registry:5000", None),
        ("https://registry/team/app", "registry:443", Some("team/app")),
        ("localhost", "localhost", None),
        ("localhost/app", "localhost", Some("app")),
        ("http://127.0.0.1:5000/v2/", "127.0.0.1:5000", None),
        ("[::1]:5000/app", "[::1]:5000", Some("app")),
        ("HTTP://LocalHost:5000", "localhost:5000", None),
        ("ghcr.io/a__b.c/d---e_f", "ghcr.io", Some("a__b.c/d---e_f")),
    ] {
        assert_eq!(read(text), Some((registry.into(), repository.map(str::to_owned))), "{text}");
        assert_eq!(registry.parse::<RegistryHost>().expect(registry).as_str(), registry);
    }
}

#[test]
fn what_is_no_registry_is_refused() {
    for text in [
        "",
        "alpine",
        "a b",
        "registry.example.org ",
        "ftp://registry.example.org",
        "http://registry.example.org",
        "https://me:pw@registry.example.org",
        "https://",
        "https:///app",
        "registry..org",
        "-a.org",
        ".org",
        "a.org:",
        "a.org:0",
        "a.org:05",
        "a.org:65536",
        "a.org:5000:1",
        "a.org?x=y",
        "a.org/team#x",
        "a.org/team/app:1.2",
        "a.org/app@sha256:00",
        "a.org//app",
        "a.org/../app",
        "a.org/Team/app",
        "a.org/team/_app",
        "a.org/a___b",
        "a.org/a._b",
        "[::1",
        "[::1]5000",
        "[::g]:5000",
        "hub.docker.com",
        "bücher.example",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
    assert_eq!(read(&format!("a.org/{}", "a".repeat(256))), None);
    assert_eq!(read(&"a.".repeat(2000)), None);
    // A config names the registry alone.
    assert!("docker.io/user/repo".parse::<RegistryHost>().is_err());
}

#[test]
fn the_machine_itself_is_told_from_hosts_that_look_like_it() {
    for text in ["localhost", "localhost:5000", "127.0.0.1", "127.3.2.1:80", "[::1]:5000", "[::1]"] {
        assert!(is_loopback(text), "{text}");
    }
    for text in ["localhost.example.org", "127.0.0.1.example.org:80", "[::2]", "10.0.0.1", "a.localhost"] {
        assert!(!is_loopback(text), "{text}");
    }
}
