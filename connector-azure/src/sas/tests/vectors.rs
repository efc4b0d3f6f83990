//! Signatures that Microsoft's own library made.

use super::*;

/// The two vectors that were made with azure-storage-blob 12.24 and 12.31.
#[test]
fn delegated_signatures_are_those_of_microsofts_library() {
    let (account, container) = (account("acct"), container("cont"));
    for (version, signature) in [
        (Version::V2025_01_05, "y5I16QzGiSdM1ohklM%2FZG8bCj0aZlhWZw%2F8xFaiT2YE%3D"),
        (Version::V2026_10_06, "87UW%2F06JC%2FfoQT1G4s6U3mXdXpEw5U%2Fx7LLLNrmJcj0%3D"),
    ] {
        let terms = Terms {
            start: Some(at("2026-01-01T00:00:00Z")),
            version,
            ..terms(&account, &container, Part::Whole, "lr")
        };
        let expected = format!(
            "st=2026-01-01T00%3A00%3A00Z&se=2026-01-01T01%3A00%3A00Z&sp=rl&spr=https&sv={}&sr=c\
             &skoid=00000000-0000-0000-0000-0000000000aa&sktid=00000000-0000-0000-0000-0000000000bb\
             &skt=2026-01-01T00%3A00%3A00Z&ske=2026-01-02T00%3A00%3A00Z&sks=b&skv=2022-11-02&sig={signature}",
            version.as_str()
        );
        assert_eq!(delegation_key().sign(&terms).expect("a signature").expose(), expected);
    }
}

#[test]
fn a_directory_says_how_deep_it_lies() {
    let (account, container) = (account("acct"), container("cont"));
    for (within, depth) in [("a", "&sr=d&sdd=1&"), ("a/b/", "&sr=d&sdd=2&"), ("a b/c%2F/日", "&sr=d&sdd=3&")]
    {
        let part = Part::directory(&path(within)).expect("a directory");
        let sas = delegation_key().sign(&terms(&account, &container, part, "r")).expect("a signature");
        assert!(sas.expose().contains(depth), "{within}");
    }
    for within in ["a//b", "a//"] {
        assert_eq!(Part::directory(&path(within)).expect_err(within).field_problems()[0].field, "within");
    }
    assert!(Part::blob(&path("a/")).is_err());
}

#[test]
fn permissions_stand_in_their_order() {
    for (kind, given, expected) in [
        (Kind::Container, "lr", "rl"),
        (Kind::Container, "ieMf", ""),
        (Kind::Container, "iemftlyxdwcar", "racwdxyltfmei"),
        (Kind::Blob, "iemtlyxdwcar", "racwdxyltmei"),
        (Kind::Blob, "f", ""),
        (Kind::Directory, "poemldwcar", "racwdlmeop"),
        (Kind::Directory, "x", ""),
        (Kind::Account, "itfpucalyxdwr", "rwdxylacupfti"),
        (Kind::Container, "", ""),
        (Kind::Container, "rr", ""),
        (Kind::Container, "r,l", ""),
    ] {
        let read = Permissions::parse(kind, given).map(|it| it.to_string());
        assert_eq!(read.unwrap_or_default(), expected, "{kind:?} {given}");
    }
}
